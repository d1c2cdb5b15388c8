package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"cie/card/cardtest"
	"cie/card/cardtest/vpcd"
	"cie/cmd/internal/tty"
)

// maxCards bounds the number of cards: pcscd has 16 readers, and clients can
// watch 15 of them.
const maxCards = 14

// defaultPIN and defaultPUK are the codes of a card made without any, for the
// banner: the card is synthetic and they are printed in its documentation.
var defaultPIN, defaultPUK = string(cardtest.DefaultPIN()), string(cardtest.DefaultPUK())

// options are the command line.
type options struct {
	host   string
	port   int
	pcscd  bool
	cards  int
	absent bool
	link   int

	// One value for each card.
	families, states, traces        []string
	stricts                         []string
	surnames, names, fiscalCodes    []string
	nis, documents, issued, expires []string
	sods                            []int
	pinFD, pukFD                    int
	command                         []string
	given                           func(flag string) bool
	parsedFamilies                  []cardtest.Family
	parsedStricts                   []cardtest.Strict
	parsedIssued, parsedExpires     []time.Time
}

func (a *app) flags(f *pflag.FlagSet, o *options) {
	f.SortFlags = false
	f.StringVar(&o.host, "host", "127.0.0.1", a.text("virtual.flag.host"))
	f.IntVar(&o.port, "port", vpcd.Port, a.text("virtual.flag.port"))
	f.BoolVar(&o.pcscd, "pcscd", false, a.text("virtual.flag.pcscd"))
	f.IntVar(&o.cards, "cards", 1, a.text("virtual.flag.cards"))
	f.BoolVar(&o.absent, "absent", false, a.text("virtual.flag.absent"))
	f.StringArrayVar(&o.families, "family", nil, a.text("virtual.flag.family", familyNames()))
	f.StringArrayVar(&o.stricts, "strict", nil, a.text("virtual.flag.strict", strictNames()))
	f.StringArrayVar(&o.states, "state", nil, a.text("virtual.flag.state"))
	f.StringArrayVar(&o.traces, "trace", nil, a.text("virtual.flag.trace"))
	f.IntVar(&o.link, "link", 0, a.text("virtual.flag.link"))
	f.StringArrayVar(&o.surnames, "surname", nil, a.text("virtual.flag.surname"))
	f.StringArrayVar(&o.names, "name", nil, a.text("virtual.flag.name"))
	f.StringArrayVar(&o.fiscalCodes, "fiscal-code", nil, a.text("virtual.flag.fiscal"))
	f.StringArrayVar(&o.nis, "nis", nil, a.text("virtual.flag.nis"))
	f.StringArrayVar(&o.documents, "document", nil, a.text("virtual.flag.document"))
	f.StringArrayVar(&o.issued, "issued", nil, a.text("virtual.flag.issued"))
	f.StringArrayVar(&o.expires, "expires", nil, a.text("virtual.flag.expires"))
	f.IntSliceVar(&o.sods, "sod", nil, a.text("virtual.flag.sod"))
	f.IntVar(&o.pinFD, "pin-fd", -1, a.text("virtual.flag.pin-fd"))
	f.IntVar(&o.pukFD, "puk-fd", -1, a.text("virtual.flag.puk-fd"))
	f.BoolP("help", "h", false, a.text("flag.help"))
	f.Bool("version", false, a.text("flag.version"))
	for _, name := range []string{"pin-fd", "puk-fd"} {
		f.Lookup(name).DefValue = "0" // not shown: there is none
	}
}

func familyNames() string {
	var names []string
	for _, f := range cardtest.Families() {
		names = append(names, f.String())
	}
	return strings.Join(names, ", ")
}

func strictNames() string {
	var names []string
	for _, k := range cardtest.StrictKinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

// check refuses what cannot be meant, before anything is started.
func (a *app) check(o *options) error {
	if o.pcscd && (o.given("host") || o.given("port")) {
		return a.usage("virtual.pcscd-and-port")
	}
	if o.absent && len(o.command) > 0 {
		return a.usage("virtual.absent-and-run")
	}
	for _, list := range [][]string{o.families, o.stricts, o.states, o.surnames, o.names, o.fiscalCodes, o.nis, o.documents, o.issued, o.expires} {
		o.cards = max(o.cards, len(list))
	}
	if o.cards < 1 || o.cards > maxCards {
		return a.usage("virtual.bad-cards", o.cards, maxCards)
	}
	if o.port < 1 || o.port+o.cards-1 > 0xFFFF {
		return a.usage("virtual.bad-port", o.port)
	}
	if o.given("link") && !slices.Contains([]int{106, 212, 424, 848}, o.link) {
		return a.usage("virtual.bad-link", o.link)
	}
	for i, s := range o.states {
		if slices.Contains(o.states[:i], s) {
			return a.usage("virtual.shared-state", s)
		}
	}
	for _, name := range o.families {
		f, err := parseFamily(name)
		if err != nil {
			return a.usage("virtual.bad-family", name, familyNames())
		}
		o.parsedFamilies = append(o.parsedFamilies, f)
	}
	for _, list := range o.stricts {
		s, err := cardtest.ParseStrict(list)
		if err != nil {
			return a.usage("virtual.bad-strict", list, strictNames())
		}
		o.parsedStricts = append(o.parsedStricts, s)
	}
	for _, d := range []struct {
		flag string
		in   []string
		out  *[]time.Time
	}{{"issued", o.issued, &o.parsedIssued}, {"expires", o.expires, &o.parsedExpires}} {
		for _, s := range d.in {
			t, err := time.Parse(time.DateOnly, s)
			if err != nil {
				return a.usage("virtual.bad-date", d.flag, s)
			}
			*d.out = append(*d.out, t)
		}
	}
	for i := range o.parsedExpires { // valid to the end of the day
		o.parsedExpires[i] = o.parsedExpires[i].Add(24*time.Hour - time.Second)
	}
	return nil
}

// parseFamily takes the name in any case.
func parseFamily(name string) (cardtest.Family, error) {
	for _, f := range cardtest.Families() {
		if strings.EqualFold(f.String(), name) {
			return f, nil
		}
	}
	return cardtest.ParseFamily(name)
}

// nth returns the value for the i-th card (from 0), the zero value if none was given.
func nth[T any](list []T, i int) (v T) {
	if i < len(list) {
		v = list[i]
	}
	return v
}

// common is nth where a single value is for every card.
func common[T any](list []T, i int) T {
	if len(list) == 1 {
		return list[0]
	}
	return nth(list, i)
}

// profile returns the i-th card (from 0). The defaults of further cards differ from
// the first one's in the data that distinguish cards.
func (o *options) profile(i int) cardtest.Profile {
	p := cardtest.Profile{
		Family:         common(o.parsedFamilies, i),
		Strict:         common(o.parsedStricts, i),
		Surname:        nth(o.surnames, i),
		GivenName:      nth(o.names, i),
		NoGivenName:    i < len(o.names) && o.names[i] == "",
		FiscalCode:     nth(o.fiscalCodes, i),
		NIS:            nth(o.nis, i),
		DocumentNumber: nth(o.documents, i),
		NotBefore:      nth(o.parsedIssued, i),
		NotAfter:       common(o.parsedExpires, i),
		SODGeneration:  common(o.sods, i),
	}
	def := func(s *string, value string) {
		if *s == "" {
			*s = value
		}
	}
	def(&p.Surname, "PROVA")
	if !p.NoGivenName {
		def(&p.GivenName, "MARIA")
	}
	def(&p.NIS, strconv.Itoa(999900000001+i))
	def(&p.DocumentNumber, fmt.Sprintf("ZZ%05dZZ", i))
	return p
}

// cards makes the cards. finish closes what they write to.
func (a *app) cards(ctx context.Context, o *options) (slots []*slot, finish func(), err error) {
	pin, err := a.code(ctx, o, "pin-fd", o.pinFD)
	if err != nil {
		return nil, nil, err
	}
	defer clear(pin)
	puk, err := a.code(ctx, o, "puk-fd", o.pukFD)
	if err != nil {
		return nil, nil, err
	}
	defer clear(puk)

	t := &traces{stderr: a.stderr, files: map[string]*os.File{}}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	for i := range o.cards {
		p := o.profile(i)
		p.PIN, p.PUK = bytes.Clone(pin), bytes.Clone(puk)
		s := &slot{number: i + 1, app: a, profile: p, knownCodes: pin == nil && puk == nil}
		if path := nth(o.states, i); path != "" {
			s.card, err = cardtest.Load(path, p)
			// The file may contain another PIN than the profile.
			if err == nil {
				now := s.card.PIN()
				s.knownCodes = s.knownCodes && string(now) == defaultPIN
				clear(now)
			}
		} else {
			s.card, err = cardtest.New(p)
		}
		clear(p.PIN)
		clear(p.PUK)
		if err != nil {
			return nil, nil, a.fail("virtual.bad-card", s.number, strings.TrimPrefix(err.Error(), "cardtest: "))
		}
		if path := common(o.traces, i); path != "" {
			w, err := t.open(path, s.number, o.cards > 1)
			if err != nil {
				return nil, nil, a.fail("virtual.bad-card", s.number, err)
			}
			s.card.Trace(w)
		}
		cost := cardtest.CostModel{}
		if o.link != 0 {
			cost = cardtest.DefaultCost()
			cost.LinkKbit, cost.Sleep = o.link, true
		}
		s.card.SetCost(cost)
		s.addr = net.JoinHostPort(o.host, strconv.Itoa(o.port+i))
		s.in = &vpcd.Slot{Dial: vpcd.Addr(s.addr)}
		slots = append(slots, s)
	}
	return slots, t.close, nil
}

// code reads a PIN or PUK from a file descriptor; nil without the option.
func (a *app) code(ctx context.Context, o *options, flag string, fd int) ([]byte, error) {
	if !o.given(flag) {
		return nil, nil
	}
	if !tty.OpenFD(fd) {
		return nil, a.usage("virtual.bad-fd", flag, fd)
	}
	code, err := tty.ReadFD(ctx, fd, 64)
	digits := len(code) == 8
	for _, c := range code {
		digits = digits && c >= '0' && c <= '9'
	}
	if err != nil || !digits {
		clear(code)
		return nil, a.usage("virtual.bad-code", flag, fd)
	}
	return code, nil
}

// traces are the files that APDUs are written to. Comments distinguish the cards that
// share a file.
type traces struct {
	stderr io.Writer
	files  map[string]*os.File
	shared map[string]*sharedTrace
}

func (t *traces) open(path string, number int, several bool) (io.Writer, error) {
	if t.shared == nil {
		t.shared = map[string]*sharedTrace{}
	}
	if t.shared[path] == nil {
		w := t.stderr
		if path != "-" {
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
			if err != nil {
				return nil, err
			}
			t.files[path] = f
			w = f
		}
		t.shared[path] = &sharedTrace{w: w}
	}
	if !several {
		return t.shared[path].w, nil
	}
	return t.shared[path].of(number), nil
}

func (t *traces) close() {
	for _, f := range t.files {
		f.Close()
	}
}
