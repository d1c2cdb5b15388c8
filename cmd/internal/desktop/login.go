package desktop

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cie/card"
	"cie/cmd/internal/loopback"
	"cie/gui"
)

// login logs in with the card to a service on the loopback interface that
// runs during this call only. The handshake proves that the card signs with the key
// of its certificate, and the service refuses a certificate that is not valid now.
func login(ctx context.Context, s *card.Session) (gui.Login, error) {
	cert, err := loopback.ClientCertificate(ctx, s)
	if err != nil {
		return gui.Login{}, err
	}
	server, err := loopback.Start("cie-gui test login", nil)
	if err != nil {
		return gui.Login{}, err
	}
	defer server.Close()
	seen, err := server.Login(ctx, cert)
	if errors.Is(err, loopback.ErrRefused) {
		return gui.Login{}, fmt.Errorf("%w: %w", gui.ErrUntrusted, err)
	}
	if err != nil {
		return gui.Login{}, err
	}
	return gui.Login{Name: strings.TrimSpace(seen.GivenName + " " + seen.Surname), Protocol: seen.TLS}, nil
}
