//go:build !windows

package notify

import (
	"context"
	"fmt"
	"os"

	"cie/card/userdir"
)

// Send shows the message and returns its number for Replaces. It uses the session bus
// of the environment.
func Send(ctx context.Context, m Message) (uint32, error) {
	if err := userdir.Allowed(); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrNoDesktop, err)
	}
	return send(ctx, addresses(os.Getenv), m)
}
