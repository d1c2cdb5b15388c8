package cardtest

import (
	"fmt"
	"math/bits"
	"strings"
)

// Strict is a set of command forms that a chip refuses although the documents permit them,
// because no client in the field is known to send them to a real card. The zero value
// refuses none.
//
// For every refused form there is a proven form of the same step, so a client that sends
// proven forms gets no refusal. "In the clear, channel lost" means that the response to a
// command under secure messaging is a status without secure messaging, and that the session
// and its authentications end.
type Strict uint32

// The kinds. Those of one group exclude each other, see [Strict.Check].
const (
	// StrictSFIClear refuses READ BINARY by short identifier in the clear:
	// 6A82. Accepted are 01 and 05, and 06 with odd INS.
	StrictSFIClear Strict = 1 << iota
	// StrictSFIDH refuses the short identifier 1B of EF.DH: 6A82.
	StrictSFIDH
	// StrictSFISM refuses READ BINARY by short identifier under secure
	// messaging: 6A82 in the clear, channel lost.
	StrictSFISM
	// StrictDOCP6982 refuses GET DATA of PIN and PUK: 6982 in the clear,
	// channel lost. The next three do the same with another status.
	StrictDOCP6982
	StrictDOCP6988
	StrictDOCP6A88
	StrictDOCP6D00
	// StrictDOCPSM refuses GET DATA of PIN and PUK: 6A88 under secure
	// messaging, the channel stays.
	StrictDOCPSM
	// StrictReadLe refuses READ BINARY under secure messaging with a DO 97
	// other than 01 to 80 and 00: 6700 in the clear, channel lost. A length that
	// the chip asked for by 6Cxx is accepted.
	StrictReadLe
	// StrictShortSM truncates the data of READ BINARY under secure messaging so that the
	// protected response has at most 230 bytes; the status is 9000. EF.ATR contains the limit
	// (IAS ECC 2.3.2).
	StrictShortSM
	// StrictSignLe refuses DO 97 on INTERNAL AUTHENTICATE with the holder's
	// key: 6700 in the clear, channel lost.
	StrictSignLe
	// StrictDataLe refuses Le on GET DATA in the clear: 6700. Without Le the
	// answer is 61xx, for GET RESPONSE.
	StrictDataLe
	// StrictEOFEmpty responds with 9000 without data at the end of a file. A READ BINARY
	// across the end gets the remaining bytes and 9000.
	StrictEOFEmpty
	// StrictEOF6B00 ends a file by 6B00. A READ BINARY across the end gets what
	// there is and 9000.
	StrictEOF6B00
	// StrictEOF6Cxx responds with 6Cxx without data to a READ BINARY across the end of a
	// file, in the clear and in DO 99; xx is the number of remaining bytes.
	StrictEOF6Cxx
	// StrictNoMF refuses SELECT MF: 6A82. The IAS AID selects the root.
	StrictNoMF
	// StrictNoAID refuses SELECT by the IAS AID: 6A82. SELECT MF selects the root.
	StrictNoAID
	// StrictMFElsewhere makes SELECT MF and a reset select the root of another application,
	// without the files of the IAS application. The IAS AID selects the root.
	StrictMFElsewhere
	// StrictGetResponse refuses GET RESPONSE with CLA 00 for a response under secure
	// messaging: 6E00. CLA 0C gets it; the response remains available.
	StrictGetResponse
	endStrict
)

// StrictAll is "all": every kind that can be combined with the others. Of the kinds that
// exclude each other it contains docp-6982, eof-empty (with eof-6Cxx) and mf-elsewhere.
const StrictAll = StrictSFIClear | StrictSFIDH | StrictSFISM | StrictDOCP6982 | StrictReadLe | StrictShortSM |
	StrictSignLe | StrictDataLe | StrictEOFEmpty | StrictEOF6Cxx | StrictMFElsewhere | StrictGetResponse

// Groups of kinds that exclude each other: one command cannot have two
// answers, and one way to the root must remain.
const (
	strictDOCPClear = StrictDOCP6982 | StrictDOCP6988 | StrictDOCP6A88 | StrictDOCP6D00
	strictDOCP      = strictDOCPClear | StrictDOCPSM
	strictEnd       = StrictEOFEmpty | StrictEOF6B00
	strictRoot      = StrictNoMF | StrictNoAID | StrictMFElsewhere
)

var strictGroups = []Strict{strictDOCP, strictEnd, strictRoot}

// strictNames in the order of the kinds.
var strictNames = []string{"sfi-clear", "sfi-dh", "sfi-sm",
	"docp-6982", "docp-6988", "docp-6A88", "docp-6D00", "docp-sm",
	"read-sm-le", "short-sm", "sign-le", "data-le", "eof-empty", "eof-6B00", "eof-6Cxx",
	"no-mf", "no-aid", "mf-elsewhere", "getresponse-0c"}

// StrictKinds lists the kinds, each a set of one.
func StrictKinds() []Strict {
	var all []Strict
	for k := Strict(1); k < endStrict; k <<= 1 {
		all = append(all, k)
	}
	return all
}

// String returns the names of the kinds, separated by commas, "all" for [StrictAll] and
// "none" for the empty set. [ParseStrict] parses it.
func (s Strict) String() string {
	switch s {
	case 0:
		return "none"
	case StrictAll:
		return "all"
	}
	var names []string
	for i, k := range StrictKinds() {
		if s&k != 0 {
			names = append(names, strictNames[i])
		}
	}
	return strings.Join(names, ",")
}

// ParseStrict parses the result of [Strict.String]: names of kinds and "all", separated by
// commas, in any case. A kind beside "all" replaces the kind of "all" that it excludes:
// "all,no-aid".
func ParseStrict(list string) (Strict, error) {
	if strings.EqualFold(list, "none") {
		return 0, nil
	}
	var s Strict
	all := false
	for name := range strings.SplitSeq(list, ",") {
		k, ok := strictKind(name)
		if !ok {
			return 0, fmt.Errorf("no kind of refusal %q", name)
		}
		if k == StrictAll {
			all = true
		} else {
			s |= k
		}
	}
	if err := s.Check(); err != nil || !all {
		return s, err
	}
	more := StrictAll
	for _, group := range strictGroups {
		if s&group != 0 {
			more &^= group
		}
	}
	return s | more, nil
}

func strictKind(name string) (Strict, bool) {
	if strings.EqualFold(name, "all") {
		return StrictAll, true
	}
	for i, n := range strictNames {
		if strings.EqualFold(n, name) {
			return 1 << i, true
		}
	}
	return 0, false
}

// Check returns an error for a set with kinds that exclude each other: two of
// docp, eof-empty with eof-6B00, two of no-mf, no-aid and mf-elsewhere.
func (s Strict) Check() error {
	if s >= endStrict {
		return fmt.Errorf("unknown kinds of refusal %#x", uint32(s&^(endStrict-1)))
	}
	for _, group := range strictGroups {
		if both := s & group; bits.OnesCount32(uint32(both)) > 1 {
			return fmt.Errorf("%v exclude each other", both)
		}
	}
	return nil
}

func (s Strict) has(k Strict) bool { return s&k != 0 }

// refuse returns the answer to a command whose form the chip refuses.
func (c *Card) refuse(cmd command) (answer, bool) {
	s := c.profile.Strict
	var a answer
	switch cmd.ins {
	case insReadBinary, insReadBinaryOdd:
		sfi := shortIdentifier(cmd)
		switch {
		case cmd.sm && s.has(StrictSFISM) && sfi != 0,
			!cmd.sm && s.has(StrictSFIClear) && sfi != 0 && !provenInClear(cmd.ins, sfi),
			s.has(StrictSFIDH) && sfi == sfiDH:
			a = status(swNotFound)
		case cmd.sm && s.has(StrictReadLe) && cmd.le > 0x80 && cmd.le != 256 && cmd.le != c.askedLe:
			a = status(swWrongLength)
		}
	case insGetData:
		code := codeObject(cmd.data)
		switch {
		case !cmd.sm && s.has(StrictDataLe) && cmd.le != 0:
			a = status(swWrongLength)
		case code && s.has(StrictDOCPSM):
			c.stats.Refusals++
			return status(swRefNotFound), true
		case code && s.has(StrictDOCP6982):
			a = status(swDenied)
		case code && s.has(StrictDOCP6988):
			a = status(swSMWrong)
		case code && s.has(StrictDOCP6A88):
			a = status(swRefNotFound)
		case code && s.has(StrictDOCP6D00):
			a = status(swUnknownINS)
		}
	case insInternalAuthenticate:
		if at := c.env.at; cmd.sm && s.has(StrictSignLe) && cmd.le != 0 && at != nil && at.private == refAuthKey {
			a = status(swWrongLength)
		}
	}
	if a.sw == 0 {
		return answer{}, false
	}
	c.stats.Refusals++
	c.trace.note("refused: %04X", a.sw)
	c.askedLe = 0
	a.inClear = true
	return a, true
}

// shortIdentifier returns the short identifier of a READ BINARY, 0 if there is none (IAS
// ECC 9.7.2.1, 9.7.2.2).
func shortIdentifier(cmd command) byte {
	switch {
	case cmd.ins == insReadBinary && cmd.p1&0xE0 == 0x80:
		return cmd.p1 & 0x1F
	case cmd.ins == insReadBinaryOdd && cmd.p1 == 0 && cmd.p2 < 0x1F:
		return cmd.p2
	}
	return 0
}

// provenInClear reports whether clients in the field read the file by its
// short identifier.
func provenInClear(ins, sfi byte) bool {
	if ins == insReadBinaryOdd {
		return sfi == 0x06 // EF.SOD
	}
	return sfi == 0x01 || sfi == 0x05
}

// codeObject reports whether a header list asks for the PIN or the PUK.
func codeObject(list []byte) bool {
	l, _, _ := nextTLV(list)
	template, _, _ := nextTLV(l.value)
	wanted, _, ok := nextTLV(template.value)
	return ok && (wanted.tag == 0xBF8101 || wanted.tag == 0xBF8102)
}

// maxShortSM is the maximum number of plain bytes of a READ BINARY whose protected response
// has at most 230 bytes: 26 blocks in DO 87 take 212 bytes, DO 99, DO 8E and the status 16;
// one byte is padding.
const maxShortSM = 26*8 - 1

// readLimit returns the most plain bytes that a READ BINARY returns.
func (c *Card) readLimit(cmd command) int {
	if cmd.sm && c.profile.Strict.has(StrictShortSM) {
		return maxShortSM
	}
	return maxRead
}

// readEnd returns the response to a READ BINARY of n bytes if only rest remains.
func (c *Card) readEnd(rest []byte) ([]byte, uint16) {
	s := c.profile.Strict
	switch {
	case len(rest) == 0 && s.has(StrictEOFEmpty):
		return nil, swOK
	case len(rest) == 0:
		return nil, swOffset
	case s.has(StrictEOF6Cxx):
		return nil, swWrongLe | uint16(byte(len(rest)))
	case s.has(strictEnd):
		return rest, swOK
	}
	return rest, swEOF
}

// iasByName reports whether the IAS AID selects the root.
func (c *Card) iasByName() bool {
	s := c.profile.Strict
	return !s.has(StrictNoAID) && (traits[c.profile.Family].iasByName || s.has(StrictNoMF|StrictMFElsewhere))
}

// masterFile returns what SELECT MF selects, nil for nothing.
func (c *Card) masterFile() *directory {
	switch s := c.profile.Strict; {
	case s.has(StrictNoMF):
		return nil
	case s.has(StrictMFElsewhere):
		return c.fs.elsewhere
	}
	return c.fs.root
}
