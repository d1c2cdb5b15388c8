package desktop

import (
	"context"
	"fmt"
	"os/exec"

	"cie/gui"
)

// StartService implements gui.Service: polkit asks for the permission.
func (d *desktop) StartService(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "pkexec", gui.StartCommand...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("pkexec %s: %w: %s", gui.StartCommand[0], err, out)
		d.problem("start of the service", err)
	}
	return err
}
