package doctor

import (
	"cie/apdu/readers"
	"cie/card"
	"cie/card/identity"
	"errors"
	"strconv"
	"time"
)

// reads is the number of reads that measure the field.
const reads = 10

// cards runs the checks that need a card. It returns the error of ask.
func (r *run) cards(ask PINFunc) error {
	list, err := r.pcsc.Status()
	if err != nil {
		r.report(Check{ID: Card, Status: Fail, Finding: ServiceFails, Remedy: RestartPCSC, Detail: detail(err)})
		r.wait(cardSteps[1:]...)
		return nil
	}
	here, ok := r.present(r.wanted(list))
	if !ok {
		r.wait(cardSteps[1:]...)
		return nil
	}
	s, closer, ok := r.identify(here)
	if !ok {
		r.wait(Field, Authenticity, Tries, Certificate)
		return nil
	}
	defer func() { closer() }()
	r.field()
	if !r.authenticity(s) {
		r.wait(Tries, Certificate)
		return nil
	}
	usable := r.triesLeft(s)
	var pin []byte
	var opts []card.CodeOption
	if ask != nil && usable && r.takesCodes {
		if pin, opts, err = ask(r.ctx, r.reader, r.tries); err != nil {
			return err
		}
	}
	if pin == nil {
		closer() // the module needs the card
		closer = func() {}
		r.knownCertificate()
		return nil
	}
	r.certificate(s, pin, opts)
	return nil
}

// present returns the readers with a card that answers.
func (r *run) present(list []readers.State) ([]string, bool) {
	c := Check{ID: Card, Status: Fail, Finding: NoCard, Remedy: LayCard}
	var here []string
	for _, s := range list {
		switch {
		case !s.Present:
		case s.Mute:
			c.Finding, c.Remedy, c.Subject = CardMute, LayCardAgain, s.Name
		case s.Exclusive:
			c.Finding, c.Remedy, c.Subject = CardExclusive, CloseOthers, s.Name
		default:
			here = append(here, s.Name)
		}
	}
	if len(here) > 0 {
		c = Check{ID: Card, Status: OK, Finding: CardPresent}
	}
	r.report(c)
	return here, len(here) > 0
}

// open opens the card in a reader.
func (r *run) open(reader string) (*card.Session, func(), error) {
	c, err := r.pcsc.Connect(reader)
	if err != nil {
		return nil, nil, err
	}
	var s *card.Session
	err = r.Guard(func() error {
		s, err = card.Open(r.ctx, c, r.Card)
		return err
	})
	if err != nil {
		_ = c.Close()
		return nil, nil, err
	}
	return s, func() { _ = s.Close(); _ = c.Close() }, nil
}

// identify finds the first identity card.
func (r *run) identify(readers []string) (*card.Session, func(), bool) {
	bad := Check{ID: Identity, Status: Fail}
	for _, reader := range readers {
		s, closer, err := r.open(reader)
		if err == nil {
			r.reader = reader
			r.report(Check{ID: Identity, Status: OK, Finding: IsCIE, Subject: reader, Values: []Value{{Name: "family", Text: s.Family().String()}}})
			return s, closer, true
		}
		switch bad.Subject = reader; card.Classify(err) {
		case card.KindNotCIE:
			bad.Finding, bad.Remedy, bad.Detail = ForeignCard, UseCIE, ""
		case card.KindBusy:
			bad.Finding, bad.Remedy, bad.Detail = CardExclusive, CloseOthers, detail(err)
		default:
			bad.Finding, bad.Remedy, bad.Detail = CardFails, LayCardAgain, detail(err)
		}
	}
	r.report(bad)
	return nil, nil, false
}

// field reads the card repeatedly and counts failures. It sends selections and short
// reads only, so no try is spent.
func (r *run) field() {
	failed, last := 0, ""
	for range reads {
		_, closer, err := r.open(r.reader)
		if r.ctx.Err() != nil {
			return
		}
		if err != nil {
			failed, last = failed+1, detail(err)
			continue
		}
		closer()
	}
	total := Value{Name: "reads", Text: strconv.Itoa(reads)}
	c := Check{ID: Field, Status: OK, Finding: FieldGood, Values: []Value{total}, Detail: last}
	if failed > 0 {
		c.Status, c.Finding, c.Remedy = Warn, FieldWeak, MoveCard
		c.Values = []Value{{Name: "failed", Text: strconv.Itoa(failed)}, total}
		if failed*2 >= reads {
			c.Status, c.Finding = Fail, FieldBad
		}
	}
	r.report(c)
}

func (r *run) authenticity(s *card.Session) bool {
	var a card.Authenticity
	err := r.Guard(func() (err error) {
		a, err = s.Authenticity(r.ctx)
		return err
	})
	c := Check{ID: Authenticity, Status: OK, Finding: Genuine, Detail: detail(a.Reason)}
	switch {
	case err != nil:
		c = Check{ID: Authenticity, Status: Fail, Finding: AuthenticityFails, Remedy: MoveCard, Detail: detail(err)}
	case a.Level == card.NotGenuine:
		c.Status, c.Finding, c.Remedy = Fail, NotGenuine, ShowMunicipality
	case a.Level != card.Genuine:
		c.Status, c.Finding, c.Remedy = Warn, IssuerUnknown, AddIssuer
	}
	r.takesCodes = a.TakesCodes()
	r.report(c)
	return c.Status != Fail
}

// locks returns the findings about blocked codes.
var locks = map[card.Lock]struct {
	status  Status
	finding Finding
	remedy  Remedy
}{
	card.LockPIN:  {Fail, PINBlocked, UnblockPIN},
	card.LockPUK:  {Warn, PUKBlocked, Careful},
	card.LockBoth: {Fail, PUKBlocked, NewCard},
}

// triesLeft reads the counters and reports whether a PIN can be verified.
func (r *run) triesLeft(s *card.Session) bool {
	err := r.Guard(func() (err error) {
		if r.tries, err = s.Tries(r.ctx, card.PIN); err != nil {
			return err
		}
		r.puk, err = s.Tries(r.ctx, card.PUK)
		return err
	})
	count := func(t card.Tries) string {
		if t.Left < 0 {
			return "?"
		}
		return strconv.Itoa(t.Left)
	}
	c := Check{ID: Tries, Status: OK, Finding: TriesFull, Values: []Value{{Name: "pin", Text: count(r.tries)}, {Name: "puk", Text: count(r.puk)}}}
	switch lock := card.LockOf(r.tries, r.puk); {
	case errors.Is(err, card.ErrNotGenuine):
		c = Check{ID: Tries, Status: Fail, Finding: NotGenuine, Remedy: ShowMunicipality, Detail: detail(err)}
	case err != nil:
		c = Check{ID: Tries, Status: Fail, Finding: CardFails, Remedy: MoveCard, Detail: detail(err)}
	case lock != card.LockNone:
		c.Status, c.Finding, c.Remedy = locks[lock].status, locks[lock].finding, locks[lock].remedy
	case r.tries.Left < 0:
		c.Status, c.Finding, c.Values = OK, TriesUnknown, nil
	case r.tries.Left < r.tries.Max || r.puk.Left >= 0 && r.puk.Left < r.puk.Max:
		c.Status, c.Finding, c.Remedy = Warn, TriesSpent, Careful
	}
	r.report(c)
	return c.Status != Fail
}

// certificate verifies the PIN and reads the dates.
func (r *run) certificate(s *card.Session, pin []byte, opts []card.CodeOption) {
	var der []byte
	err := r.Guard(func() (err error) {
		if err = s.Verify(r.ctx, card.PIN, pin, opts...); err != nil {
			return err
		}
		der, err = s.Certificate(r.ctx)
		return err
	})
	var wrong *card.PINError
	switch {
	case errors.As(err, &wrong):
		clear(pin)
		c := Check{ID: Certificate, Status: Fail, Finding: PINWrong, Remedy: CheckPIN, Refused: wrong, Values: []Value{{Name: "tries", Text: strconv.Itoa(wrong.Tries)}}}
		if wrong.Blocked() {
			lock := locks[card.LockOf(card.Tries{Reported: true}, r.puk)]
			c.Finding, c.Remedy, c.Values = lock.finding, lock.remedy, nil
		}
		r.report(c)
	case err != nil:
		clear(pin)
		r.report(Check{ID: Certificate, Status: Fail, Finding: CertificateFails, Remedy: MoveCard, Detail: detail(err)})
	default:
		r.pin = pin
		r.dates(der)
	}
}

// knownCertificate checks the dates if the module has stored the certificate of the
// card, which it lists without PIN.
func (r *run) knownCertificate() {
	cards, err := r.Prober.Cards(r.ctx, r.Machine.Module)
	if err == nil {
		for _, c := range cards {
			if c.In(r.reader) && len(c.Certificate) > 0 {
				r.dates(c.Certificate)
				return
			}
		}
	}
	r.report(Check{ID: Certificate, Status: Skipped, Finding: CertificateNeedsPIN, Remedy: GivePIN})
}

// validities maps the validity of a card to its finding.
var validities = map[identity.Validity]struct {
	status  Status
	finding Finding
	remedy  Remedy
}{
	identity.NotYetValid: {Fail, CertificateEarly, CheckClock},
	identity.Valid:       {OK, CertificateValid, ""},
	identity.ExpiresSoon: {Warn, CertificateEnds, RenewCard},
	identity.InGrace:     {Warn, CertificateGrace, RenewCard},
	identity.Expired:     {Fail, CertificateExpired, RenewCard},
}

// dates checks the dates of a certificate. They are private: a card expires on
// the birthday of its holder.
func (r *run) dates(der []byte) {
	id, err := identity.Parse(der)
	if err != nil {
		r.report(Check{ID: Certificate, Status: Fail, Finding: CertificateFails, Remedy: ReportIt, Detail: detail(err)})
		return
	}
	date := func(name string, t time.Time) Value {
		return Value{Name: name, Text: t.Format(time.DateOnly), Private: true}
	}
	c := Check{ID: Certificate, Values: []Value{date("until", id.NotAfter)}}
	v := id.ValidityAt(r.Now())
	c.Status, c.Finding, c.Remedy = validities[v].status, validities[v].finding, validities[v].remedy
	switch v {
	case identity.NotYetValid:
		c.Values = []Value{date("from", id.NotBefore)}
	case identity.InGrace, identity.Expired:
		c.Values = append(c.Values, date("grace", id.GraceUntil))
	}
	r.report(c)
}
