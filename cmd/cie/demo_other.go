//go:build !linux

package main

import (
	"context"
	"errors"
)

var errNoPrivateService = errors.New("no private PC/SC service on this system")

// newPCSCDesk is not there outside of Linux: --in-process is.
func newPCSCDesk(context.Context) (demoDesk, error) { return nil, errNoPrivateService }

// demoObstacle classifies why no private service can run.
func demoObstacle(error) int { return obstacleDenied }
