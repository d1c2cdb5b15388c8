package browsers

// Action is the effect of a Step.
type Action string

const (
	ActionNone     Action = "none"     // nothing to do
	ActionRegister Action = "register" // first registration
	ActionCorrect  Action = "correct"  // another path was registered
	ActionRepair   Action = "repair"   // damaged in a way that Install mends
	ActionRemove   Action = "remove"
	ActionBlocked  Action = "blocked" // the state does not allow it
	ActionSkip     Action = "skip"    // nothing to do there now, and no error
)

// Step is one planned change.
type Step struct {
	Target Target
	Action Action
	State  State
	// Running are processes that will notice the change only after a restart.
	Running []Process
}

// Result is the outcome of a Step.
type Result struct {
	Step
	After  State
	Change Change
	Err    error
	// Restart reports that running programs must be restarted.
	Restart bool
}

// Plan is what an enable or disable will do, to be shown before it is done.
type Plan struct {
	Steps  []Step
	remove bool
}

// PlanEnable returns what Install would do with each target.
func PlanEnable(targets []Target) Plan {
	var p Plan
	for _, t := range targets {
		s := t.State()
		step := Step{Target: t, State: s, Running: t.Running()}
		switch {
		case s.Status == Registered:
			step.Action = ActionNone
		case s.Status == Absent:
			step.Action = ActionRegister
		case s.Status == Elsewhere:
			step.Action = ActionCorrect
		case s.Repairable():
			step.Action = ActionRepair
		case s.Status == Unavailable && (s.Reason == ReasonShadowed || s.Reason == ReasonNoCertificate):
			step.Action = ActionSkip
		default:
			step.Action = ActionBlocked
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// PlanDisable returns what Remove would do with each target, last installed first.
func PlanDisable(targets []Target) Plan {
	p := Plan{remove: true}
	for i := len(targets) - 1; i >= 0; i-- {
		s := targets[i].State()
		step := Step{Target: targets[i], State: s, Running: targets[i].Running(), Action: ActionRemove}
		switch {
		case s.Status == Absent || s.Status == Unavailable:
			step.Action = ActionNone
		case s.Status == Damaged && !s.Repairable():
			step.Action = ActionSkip // no registration of ours is known there
			if s.Module != "" || remembers(targets[i]) {
				step.Action = ActionBlocked
			}
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// remembers reports whether the journal has a registration that was not removed yet.
func remembers(t Target) bool {
	m, ok := t.(interface{ remembered() bool })
	return ok && m.remembered()
}

// Run executes the plan. A step that fails does not stop the others. Run calls done
// (if not nil) after each.
func (p Plan) Run(done func(Result)) []Result {
	var list []Result
	for _, s := range p.Steps {
		r := Result{Step: s}
		switch {
		case s.Action == ActionSkip:
		case p.remove:
			// Call Remove even if nothing is registered, because backups may exist.
			r.Change, r.Err = s.Target.Remove()
		default:
			r.Change, r.Err = s.Target.Install()
		}
		r.After = s.Target.State()
		r.Restart = r.Change.Changed && len(s.Running) > 0
		list = append(list, r)
		if done != nil {
			done(r)
		}
	}
	return list
}

// OK reports whether every step succeeded.
func OK(results []Result) bool {
	for _, r := range results {
		if r.Err != nil {
			return false
		}
	}
	return true
}
