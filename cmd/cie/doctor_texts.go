package main

import "cie/cmd/internal/doctor"

// checkText returns the name of a step of the doctor.
func (a *app) checkText(id doctor.ID) string { return a.text("doctor.step." + string(id)) }

// findingText returns what a step found; for a report without private values.
func (a *app) findingText(c doctor.Check, report bool) string {
	values := map[string]string{}
	for _, v := range c.Values {
		values[v.Name] = v.Text
		if report && v.Private {
			values[v.Name] = "..."
		}
	}
	return a.plain(a.texts.Fill("doctor.find."+string(c.Finding), values))
}

// remedyText returns what the user can do; "" if nothing is needed.
func (a *app) remedyText(c doctor.Check) string {
	if c.Remedy == "" {
		return ""
	}
	return a.plain(a.texts.On(string(c.Distribution), "doctor.do."+string(c.Remedy)))
}
