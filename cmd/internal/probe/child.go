package probe

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/miekg/pkcs11"
)

// maxPIN limits the length of a PIN.
const maxPIN = 64

// Serve implements the child: it executes the request from in and writes
// the answer to out. It returns the exit code of the process. If out is os.Stdout,
// output of the module itself goes to standard error.
func Serve(in io.Reader, out io.Writer) int {
	out = aside(out)
	reader := bufio.NewReader(in)
	line, err := reader.ReadBytes('\n')
	var r request
	if err == nil {
		err = json.Unmarshal(line, &r)
	}
	var a answer
	if err != nil {
		a.Error = failed(ReasonChild, "", "request: %v", err)
	} else {
		pin, _ := io.ReadAll(io.LimitReader(reader, maxPIN))
		a = serve(r, pin)
		clear(pin)
	}
	if json.NewEncoder(out).Encode(a) != nil {
		return 1
	}
	return 0
}

func serve(r request, pin []byte) (a answer) {
	fail := func(err error) answer {
		var own *Error
		if !errors.As(err, &own) {
			own = failed(ReasonChild, "", "%v", err)
		}
		return answer{Error: own}
	}
	m, err := open(r.Module)
	if err != nil {
		return fail(err)
	}
	defer m.close()
	if r.Login != nil {
		o, err := m.login(*r.Login, pin)
		if err != nil {
			return fail(err)
		}
		return answer{Outcome: &o}
	}
	if r.Cards {
		cards, err := m.cards()
		if err != nil {
			return fail(err)
		}
		return answer{Cards: cards}
	}
	info, err := m.info()
	if err == nil && !r.Brief {
		err = m.look(&info)
	}
	if err != nil {
		return fail(err)
	}
	return answer{Info: &info}
}

// module is a loaded module.
type module struct{ ctx *pkcs11.Ctx }

func open(path string) (*module, error) {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return nil, failed(ReasonMissing, "", "%s", path)
	}
	if err := canLoad(path); err != nil {
		return nil, failed(ReasonNotLoadable, "", "%v", err)
	}
	ctx := pkcs11.New(path)
	if ctx == nil {
		return nil, failed(ReasonNotModule, "C_GetFunctionList", "%s", path)
	}
	if err := ctx.Initialize(); err != nil {
		return nil, refused("C_Initialize", err)
	}
	return &module{ctx}, nil
}

func (m *module) close() {
	_ = m.ctx.Finalize()
	m.ctx.Destroy()
}

func refused(call string, err error) *Error { return failed(ReasonRefused, call, "%v", err) }

// info returns the module's description of itself.
func (m *module) info() (Info, error) {
	i, err := m.ctx.GetInfo()
	if err != nil {
		return Info{}, refused("C_GetInfo", err)
	}
	return Info{
		Description:  strings.TrimSpace(i.LibraryDescription),
		Manufacturer: strings.TrimSpace(i.ManufacturerID),
		Version:      fmt.Sprintf("%d.%d", i.LibraryVersion.Major, i.LibraryVersion.Minor),
		Cryptoki:     fmt.Sprintf("%d.%d", i.CryptokiVersion.Major, i.CryptokiVersion.Minor),
	}, nil
}

// look adds the readers and cards that the module shows.
func (m *module) look(info *Info) error {
	slots, err := m.ctx.GetSlotList(false)
	if err != nil {
		return refused("C_GetSlotList", err)
	}
	tokens, err := m.ctx.GetSlotList(true)
	if err != nil {
		return refused("C_GetSlotList", err)
	}
	info.Slots, info.Tokens = len(slots), len(tokens)
	for _, slot := range tokens {
		// The list is empty if the card was removed since.
		list, _ := m.ctx.GetMechanismList(slot)
		for _, mechanism := range list {
			info.PSS = info.PSS || mechanism.Mechanism == pkcs11.CKM_RSA_PKCS_PSS
		}
	}
	return nil
}

// cards lists the cards with their public certificates.
func (m *module) cards() ([]Card, error) {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return nil, refused("C_GetSlotList", err)
	}
	var list []Card
	for _, slot := range slots {
		info, err := m.ctx.GetSlotInfo(slot)
		if err != nil {
			continue // removed since
		}
		c := Card{Slot: strings.TrimSpace(info.SlotDescription)}
		if session, err := m.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION); err == nil {
			k := &key{module: m, session: session}
			c.Certificate, _ = k.certificate()
			_ = m.ctx.CloseSession(session)
		}
		list = append(list, c)
	}
	return list, nil
}
