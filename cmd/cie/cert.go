package main

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cie/card/identity"
	"cie/cmd/internal/tty"
)

// certJSON is the answer of "cie cert --json".
type certJSON struct {
	Reader string `json:"reader"`
	NIS    string `json:"nis"`
	levelJSON
	PEM string `json:"pem"`
	*holderJSON
}

func (a *app) certCommand() *cobra.Command {
	var codes codeFlags
	var format, out string
	c := &cobra.Command{
		Use:     "cert",
		Short:   a.text("cmd.cert.short"),
		Long:    a.text("cmd.cert.long"),
		Example: "cie cert --format text\ncie cert --out me.pem",
		RunE: func(c *cobra.Command, _ []string) error {
			switch format {
			case "pem", "text":
			case "der":
				if out == "" && !a.json && tty.IsTerminal(a.stdout) {
					return a.usage("error.binary")
				}
			default:
				return a.hint(c, a.usage("usage.choice", "format", "pem, der, text"))
			}
			return a.cert(c.Context(), &codes, format, out)
		},
	}
	c.Flags().StringVar(&format, "format", "pem", a.text("flag.cert-format"))
	c.Flags().StringVar(&out, "out", "", a.text("flag.out"))
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"pem", "der", "text"}, cobra.ShellCompDirectiveNoFileComp))
	codes.addPIN(a, c)
	return c
}

func (a *app) cert(ctx context.Context, f *codeFlags, format, out string) error {
	file, err := a.openOutput(out, 0o644)
	if err != nil {
		return err
	}
	defer file.discard()
	return a.withPIN(ctx, f, func(u *inUse) error {
		holder, err := a.readHolder(ctx, u)
		if err != nil {
			return err
		}
		id := holder.id
		text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: id.Raw}))
		content := []byte(text)
		switch format {
		case "der":
			content = id.Raw
		case "text":
			content = []byte(a.certText(id))
		}
		if err := file.write(content); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(certJSON{Reader: u.reader, NIS: u.session.NIS(), levelJSON: u.levelJSON(), PEM: text, holderJSON: holder})
		}
		if out != "" {
			a.note(a.text("cert.written", out))
			return nil
		}
		_, err = a.stdout.Write(content)
		return err
	})
}

// certText returns the certificate for reading.
func (a *app) certText(id *identity.Identity) string {
	var b strings.Builder
	field := func(label string, value string) {
		name := a.text(label)
		fmt.Fprintf(&b, "%s%s%s\n", name, strings.Repeat(" ", max(1, 24-len([]rune(name)))), value)
	}
	field("label.holder", strings.TrimSpace(id.Surname+" "+id.GivenName))
	field("label.fiscal-code", id.FiscalCode)
	field("label.nis", id.NIS)
	field("label.document", id.DocumentNumber)
	if c := id.Cert; c != nil {
		field("label.subject", distinguishedName(c.Subject))
		field("label.issuer", distinguishedName(c.Issuer))
		field("label.serial", fmt.Sprintf("%X", c.SerialNumber))
	} else {
		field("label.subject", id.CommonName)
		field("label.issuer", id.Issuer)
	}
	field("label.not-before", id.NotBefore.UTC().Format(time.RFC3339))
	field("label.not-after", id.NotAfter.UTC().Format(time.RFC3339))
	if key, ok := id.PublicKey.(*rsa.PublicKey); ok {
		field("label.key", fmt.Sprintf("RSA %d bit, e=%d", key.N.BitLen(), key.E))
	}
	field("label.sha256", fmt.Sprintf("%X", sha256.Sum256(id.Raw)))
	return b.String()
}
