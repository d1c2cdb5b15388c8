package doctor

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"cie/apdu"
	"cie/apdu/pcsc"
)

// PC/SC return codes of a service that does not admit the user (winscard.h).
const (
	codeSecurityViolation = 0x8010006A
	codeNoAccess          = 0x80100027
)

// Return codes in a remote desktop session, in which Windows hides the service and the
// readers of this computer: the first two in any (winerror.h), the others if there is no
// service on the computer in front of the user either (winscard.h).
const (
	codeBrokenPipe     = 0x6D
	codeBadStubData    = 0x6F7
	codeNoService      = 0x8010001D
	codeServiceStopped = 0x8010001E
)

// socketName returns the path of the service's socket.
func (e Env) socketName() string {
	if v := e.Getenv("PCSCLITE_CSOCK_NAME"); v != "" {
		return v
	}
	return filepath.Join(e.Root, "/run/pcscd/pcscd.comm")
}

// daemonPaths lists where distributions install the service.
var daemonPaths = []string{"/usr/sbin/pcscd", "/usr/bin/pcscd", "/sbin/pcscd", "/usr/local/sbin/pcscd"}

// cardSteps lists the steps that need a card.
var cardSteps = []ID{Card, Identity, Field, Authenticity, Tries, Certificate}

// service connects to the service and reports whether the checks can continue.
func (r *run) service() bool {
	s, err := r.PCSC()
	if err == nil {
		// A first request: some services accept the connection and refuse requests.
		if _, err = s.Status(); err != nil {
			_ = s.Close()
		}
	}
	if err == nil {
		r.pcsc = s
		r.report(Check{ID: Service, Status: OK, Finding: ServiceAnswers})
		r.report(Check{ID: Permission, Status: OK, Finding: AccessGranted})
		return true
	}
	c := Check{ID: Service, Status: Fail, Detail: detail(err)}
	if denied, ok := r.Admission(err); ok {
		if denied.ID == Service {
			r.report(denied)
			r.wait(Permission, Readers)
		} else {
			r.report(Check{ID: Service, Status: OK, Finding: ServiceAnswers})
			r.report(denied)
			r.wait(Readers)
		}
		r.wait(cardSteps...)
		return false
	}
	reach := r.reach()
	switch {
	case errors.Is(err, apdu.ErrTimeout):
		c.Finding, c.Remedy = ServiceHangs, RestartPCSC
	case reach == nil:
		c.Finding, c.Remedy = ServiceFails, RestartPCSC
	case r.installed():
		c.Finding, c.Remedy = ServiceStopped, StartPCSC
	default:
		c.Finding, c.Remedy = ServiceMissing, InstallPCSC
	}
	r.report(c)
	r.wait(Permission, Readers)
	r.wait(cardSteps...)
	return false
}

// denied reports whether an error means that the service does not admit the user.
func denied(err error) bool {
	var e *pcsc.Error
	return errors.As(err, &e) && (e.Code == codeSecurityViolation || e.Code == codeNoAccess) || errors.Is(err, os.ErrPermission)
}

// hidden reports whether an error means that a remote desktop session hides the service.
func (e Env) hidden(err error) bool {
	own, ok := errors.AsType[*pcsc.Error](err)
	if !ok {
		return false
	}
	switch own.Code {
	case codeBrokenPipe, codeBadStubData:
		return true
	case codeNoService, codeServiceStopped:
		return e.remote()
	}
	return false
}

func (e Env) remote() bool {
	if e.Remote != nil {
		return e.Remote()
	}
	return remoteDesktop()
}

// Admission classifies an error of the PC/SC service. ok reports whether the service
// does not admit this user, or is hidden in a remote desktop session; the Check then
// describes that. Every program calls it, so that none advises to start a service that
// runs.
func (e Env) Admission(err error) (c Check, ok bool) {
	if e.hidden(err) {
		return Check{ID: Service, Status: Fail, Finding: ServiceRemote, Remedy: SitAtComputer, Detail: detail(err)}, true
	}
	if !denied(err) && !errors.Is(e.reach(), os.ErrPermission) {
		return Check{}, false
	}
	c = Check{ID: Permission, Status: Fail, Finding: AccessDenied, Remedy: AllowAccess, Detail: detail(err)}
	if e.Getenv("SSH_CONNECTION") != "" {
		c.Finding, c.Remedy = AccessRemote, SitAtComputer
	}
	return c, true
}

// reach connects to the socket of the service; nil: a process listens on it.
func (e Env) reach() error {
	conn, err := net.DialTimeout("unix", e.socketName(), 5*time.Second)
	if err != nil {
		if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EPERM) {
			return os.ErrPermission
		}
		return err
	}
	return conn.Close()
}

func (r *run) installed() bool {
	if runtime.GOOS == "windows" {
		return true // a part of it
	}
	for _, p := range daemonPaths {
		if _, err := os.Stat(filepath.Join(r.Root, p)); err == nil {
			return true
		}
	}
	return false
}
