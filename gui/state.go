package gui

import (
	"cmp"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// stateLine shows the state of the card in one line at the foot of the window.
type stateLine struct {
	mark   *widget.Icon
	words  *widget.Label
	object fyne.CanvasObject
}

func newStateLine() *stateLine {
	l := &stateLine{mark: widget.NewIcon(stateOff), words: widget.NewLabel("")}
	l.words.Truncation = fyne.TextTruncateEllipsis
	l.object = container.New(lead{gap: 2, middle: true}, container.New(&iconLayout{1}, l.mark), l.words)
	return l
}

// showState puts the state of the card into the line.
func (u *UI) showState() {
	mark, words := u.stateOfCard()
	if l := u.state; l.words.Text != words || l.mark.Resource != mark {
		l.mark.SetResource(mark)
		l.words.SetText(words)
	}
}

// stateOfCard returns the mark and the words for the state of the cards.
func (u *UI) stateOfCard() (mark fyne.Resource, words string) {
	t := u.texts
	switch {
	case u.working > 0:
		return stateHalf, t.T("state.working")
	case !u.seen:
		return stateOff, t.T("readers.looking")
	case u.readers.Down != nil:
		return stateOff, t.T("state.no-service")
	case len(u.readers.Readers) == 0:
		return stateOff, t.T("state.no-reader")
	}
	var names []string
	unusable := false
	for _, s := range u.order {
		switch {
		case s.reader.Presence == Empty:
		case s.reader.Presence == Mute || s.err != nil:
			unusable = true
		case !s.done:
			return stateHalf, t.T("state.reading")
		default:
			names = append(names, cmp.Or(s.holderName(), s.shortName(), t.T("card.title")))
		}
	}
	switch {
	case unusable && len(names) == 0:
		return stateOff, t.T("state.unusable")
	case len(names) == 0:
		return stateOff, t.T("state.none")
	case len(names) > 1:
		return stateOn, t.T("state.cards", strings.Join(names, ", "))
	}
	return stateOn, t.T("state.card", names[0])
}

var (
	stateOff  = theme.NewThemedResource(fyne.NewStaticResource("state-off.svg", stateOffSVG))
	stateOn   = theme.NewSuccessThemedResource(fyne.NewStaticResource("state-on.svg", stateOnSVG))
	stateHalf = theme.NewPrimaryThemedResource(fyne.NewStaticResource("state-half.svg", stateHalfSVG))
)
