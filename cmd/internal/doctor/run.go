package doctor

import (
	"context"

	"cie/apdu/readers"
	"cie/card"
)

// run is one run of all checks.
type run struct {
	Env
	ctx    context.Context
	found  func(Check)
	checks []Check

	pcsc   readers.Service
	reader string // with the card that the checks are about
	puk    card.Tries
	tries  card.Tries
	pin    []byte // right, once it was verified
	loads  bool   // the module loads

	takesCodes bool // the card is genuine or accepted

	distribution Distribution
}

// Run runs all checks in the order of the path and calls found (if not nil) for each.
// ask may be nil. Run returns the error of ctx or of ask.
func Run(ctx context.Context, env Env, ask PINFunc, found func(Check)) ([]Check, error) {
	r := &run{Env: env, ctx: ctx, found: found, distribution: DistributionOf(env.Root)}
	if r.Guard == nil {
		r.Guard = func(f func() error) error { return f() }
	}
	defer func() {
		clear(r.pin)
		if r.pcsc != nil {
			_ = r.pcsc.Close()
		}
	}()
	err := r.walk(ask)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return r.checks, err
}

func (r *run) walk(ask PINFunc) error {
	if r.service() && r.readers() {
		if err := r.cards(ask); err != nil {
			return err
		}
	}
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	r.module()
	r.moduleCard()
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	r.browsers()
	r.openSC()
	r.login()
	return nil
}

func (r *run) report(c Check) {
	if r.ctx.Err() != nil {
		return // the result of an interrupted check is meaningless
	}
	c.Distribution = r.distribution
	r.checks = append(r.checks, c)
	if r.found != nil {
		r.found(c)
	}
}

// wait reports for steps that the problem of an earlier one has to be solved first.
func (r *run) wait(ids ...ID) {
	for _, id := range ids {
		r.report(Check{ID: id, Status: Skipped, Finding: Waits})
	}
}

func detail(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
