//go:build !linux

package session

import (
	"context"

	"cie/gui"
)

// Choose is not there: the dialogs of the toolkit are used.
var Choose func(ctx context.Context, c gui.Choice) ([]string, error)
