package main

import "errors"

// Exit codes; "cie help exit" explains them. They never change.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitNothing   = 3 // no service, no reader, no card
	exitWrongCode = 4
	exitBlocked   = 5
	exitFake      = 6
	exitBadCode   = 7 // invalid code; not sent
	exitChoose    = 8 // --reader or a confirmation missing
	exitNotCIE    = 9
	exitLost      = 10 // card or reader removed, reset, busy, silent
	exitFound     = 11 // doctor and browsers: a problem prevents logins
	exitInvalid   = 12 // verify: a signature is not valid
	exitUnsaid    = 13 // verify: the validity is not certain
)

// errReported marks an error that was already shown, for instance beside the
// card it belongs to.
var errReported = errors.New("already reported")

// reported is an error that was already shown and only sets the exit code.
type reported struct{ code int }

func (r *reported) Error() string        { return "reported" }
func (r *reported) Is(target error) bool { return target == errReported }

func exitOf(err error) int {
	var r *reported
	if errors.As(err, &r) {
		return r.code
	}
	return exitFailed
}
