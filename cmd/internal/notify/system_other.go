//go:build !windows

package notify

import (
	"context"
	"os"
)

// Send shows the message and returns its number, which Replaces takes. It uses
// the session bus of the environment.
func Send(ctx context.Context, m Message) (uint32, error) {
	return send(ctx, addresses(os.Getenv), m)
}
