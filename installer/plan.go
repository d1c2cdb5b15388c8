package installer

// Action is what a Step will do.
type Action string

const (
	ActionNone     Action = "none"     // already as wanted
	ActionRegister Action = "register" // first registration
	ActionCorrect  Action = "correct"  // another path was registered
	ActionRepair   Action = "repair"   // damaged in a way that Install mends
	ActionRemove   Action = "remove"
	ActionBlocked  Action = "blocked" // the state does not allow it
	ActionSkip     Action = "skip"    // nothing to do there now, and nothing wrong
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
	// Restart says that programs which are running must be started again.
	Restart bool
}

// Plan is what an enable or disable will do, to be shown before it is done.
type Plan struct {
	Steps  []Step
	remove bool
}

// PlanEnable says what Install would do with each target.
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
		case s.Status == Unavailable && s.Reason == ReasonShadowed:
			step.Action = ActionSkip
		default:
			step.Action = ActionBlocked
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// PlanDisable says what Remove would do with each target, last installed first.
func PlanDisable(targets []Target) Plan {
	p := Plan{remove: true}
	for i := len(targets) - 1; i >= 0; i-- {
		s := targets[i].State()
		step := Step{Target: targets[i], State: s, Running: targets[i].Running(), Action: ActionRemove}
		switch {
		case s.Status == Absent || s.Status == Unavailable:
			step.Action = ActionNone
		case s.Status == Damaged && !s.Repairable():
			step.Action = ActionSkip // nothing of ours is there, as far as is known
			if s.Module != "" || remembers(targets[i]) {
				step.Action = ActionBlocked
			}
		}
		p.Steps = append(p.Steps, step)
	}
	return p
}

// remembers says whether a registration was written that was not taken out yet.
func remembers(t Target) bool {
	m, ok := t.(interface{ remembered() bool })
	return ok && m.remembered()
}

// Run carries the plan out. A step that fails does not stop the others; done
// (if not nil) is told of each.
func (p Plan) Run(done func(Result)) []Result {
	var list []Result
	for _, s := range p.Steps {
		r := Result{Step: s}
		switch {
		case s.Action == ActionSkip:
		case p.remove:
			// Also where nothing seems registered: backups may be left.
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

// OK says whether every step left its place as wanted.
func OK(results []Result) bool {
	for _, r := range results {
		if r.Err != nil {
			return false
		}
	}
	return true
}
