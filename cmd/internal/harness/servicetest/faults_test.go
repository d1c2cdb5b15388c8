package servicetest

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"cie/apdu"
	"cie/apdu/readers"
	"cie/card/cardtest"
	"cie/cmd/internal/harness/faultinjection"
	"cie/cmd/internal/harness/rotation"
)

// TestFaults injects faults at every APDU position of every operation over a real
// PC/SC daemon with all the readers that it can have: nothing hangs, no code is compared
// twice, the card keeps what it should, the program reports correctly what became of
// PIN and tries, and the card works on. Then the daemon is killed and restarted at some
// of the positions. What the daemon does not change, package faultinjection tests in
// process with more kinds of faults.
func TestFaults(t *testing.T) {
	d := sharedService(t)
	// Those that wait for the service to notice come first.
	kinds := []cardtest.FaultKind{cardtest.RemoveBefore, cardtest.RemoveAfter, cardtest.Truncate,
		cardtest.ResetBefore, cardtest.WrongMAC, cardtest.Status6F00After, cardtest.SelectOther}
	if faultinjection.All() || faultinjection.Matrix() {
		kinds = append(kinds, cardtest.MuteAfter, cardtest.Status6700, cardtest.RefuseInClear)
	}
	sum := &faultinjection.Sum{Note: "tried in process: the service does not change it (a virtual reader cannot be unplugged alone)"}
	t.Run("cards", func(t *testing.T) {
		for k, kind := range kinds {
			for f, family := range cardtest.Families() {
				for o, op := range faultinjection.Operations() {
					if !faultinjection.All() && f > 0 && !faultinjection.Selected(f, o, k) {
						continue
					}
					t.Run(name(family, op.Name, kind), func(t *testing.T) {
						t.Parallel()
						trial := d.trial(t, family)
						trial.Share, trial.Sum = faultinjection.ShareOf(f, k), sum
						for _, err := range trial.Run(op, faultinjection.Fault(kind)) {
							t.Error(err)
						}
					})
				}
			}
		}
	})
	// These disturb every reader, so one follows the other.
	for o, op := range faultinjection.Operations() {
		for k, cause := range d.lost() {
			if !faultinjection.All() && !faultinjection.Matrix() && o%6 != k {
				continue
			}
			t.Run(name(op.Name, cause), func(t *testing.T) {
				trial := d.trial(t, cardtest.NXP)
				trial.Share, trial.Sum = faultinjection.OneIn(rotation.Turns, o+2*k+rotation.Turn()), sum
				for _, err := range trial.Run(op, cause) {
					t.Error(err)
				}
			})
		}
	}
	if faultinjection.All() || faultinjection.Matrix() {
		t.Run("mute for 30 seconds", func(t *testing.T) {
			trial := d.trial(t, cardtest.NXP)
			trial.Card.SetCost(cardtest.CostModel{Mute: cardtest.DefaultCost().Mute, Sleep: true})
			trial.Share, trial.Sum = faultinjection.OneIn(1000, 12), sum
			for _, err := range trial.Run(faultinjection.Operations()[1], faultinjection.Fault(cardtest.MuteBefore)) {
				t.Error(err)
			}
		})
	}
	t.Logf("TURN=%d\n%v", rotation.Turn(), sum)
}

// only is a service of which a program sees one reader: other tests use the others.
type only struct {
	readers.Service
	reader string
}

// Status implements readers.Service.
func (o only) Status() ([]readers.State, error) {
	all, err := o.Service.Status()
	return slices.DeleteFunc(all, func(s readers.State) bool { return s.Name != o.reader }), err
}

// Watch implements readers.Service.
func (o only) Watch(ctx context.Context) (<-chan readers.Event, error) {
	all, err := o.Service.Watch(ctx)
	if err != nil {
		return nil, err
	}
	events := make(chan readers.Event)
	go func() {
		defer close(events)
		for e := range all {
			if e.Reader != "" && e.Reader != o.reader {
				continue
			}
			select {
			case events <- e:
			case <-ctx.Done():
			}
		}
	}()
	return events, nil
}

// trial lays a new card into a free reader.
func (d *service) trial(t *testing.T, family cardtest.Family) *faultinjection.Trial {
	t.Helper()
	state := filepath.Join(t.TempDir(), "card.json")
	c, err := cardtest.Load(state, cardtest.Profile{Family: family})
	must(t, err)
	s := d.slot(t)
	s.insert(c)
	s.waitFor(nil)
	// It waits until the service has noticed that the card is gone.
	putBack := func() error {
		s.remove()
		s.waitFor(apdu.ErrNoCard)
		c.Insert()
		s.insert(c)
		s.waitFor(nil)
		return nil
	}
	return &faultinjection.Trial{
		Card: c, Service: only{s.context, s.daemon.Reader(s.number)}, Reader: s.daemon.Reader(s.number), PutBack: putBack,
		State: state, Folder: t.TempDir(), Known: true, Crowded: true,
	}
}

// lost returns what makes a program lose the service.
func (d *service) lost() []faultinjection.Cause {
	back := func(t *faultinjection.Trial) error {
		for range 1000 {
			conn, err := t.Service.Connect(t.Reader)
			if err == nil {
				return conn.Close()
			}
			pause()
		}
		return errors.New("the card does not come back")
	}
	return []faultinjection.Cause{
		{Name: "service-killed", Column: "killed", Begin: func(t *faultinjection.Trial, _ int) (func() error, error) {
			return func() error { return errors.Join(d.daemon.Resume(), back(t)) }, d.daemon.Pause()
		}},
		{Name: "service-restarted", Column: "again", Begin: func(t *faultinjection.Trial, _ int) (func() error, error) {
			return func() error { return back(t) }, d.daemon.Restart()
		}},
	}
}
