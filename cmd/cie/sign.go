package main

import (
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"cie/cmd/cie/internal/msg"
)

// signJSON is the answer of "cie sign --json".
type signJSON struct {
	Reader    string `json:"reader"`
	NIS       string `json:"nis"`
	Hash      string `json:"hash"`
	Digest    string `json:"digest"`
	Signature []byte `json:"signature,omitempty"` // base64
	Out       string `json:"out,omitempty"`
}

// hashes are the values of --hash.
var hashes = map[string]crypto.Hash{
	"sha1":   crypto.SHA1,
	"sha224": crypto.SHA224,
	"sha256": crypto.SHA256,
	"sha384": crypto.SHA384,
	"sha512": crypto.SHA512,
}

func (a *app) signCommand() *cobra.Command {
	var codes codeFlags
	var hash, out string
	c := &cobra.Command{
		Use:   "sign FILE",
		Short: a.text(msg.SignShort),
		Long:  a.text(msg.SignLong),
		Example: strings.Join([]string{
			"cie sign letter.txt --out letter.sig",
			"cie cert --out me.pem",
			"openssl x509 -in me.pem -pubkey -noout > me.pub",
			"openssl dgst -sha256 -verify me.pub -signature letter.sig letter.txt",
		}, "\n"),
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return a.hint(c, a.usage(msg.OneFile))
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			if _, ok := hashes[hash]; !ok {
				list := strings.Join(slices.Sorted(maps.Keys(hashes)), ", ")
				return a.hint(c, a.usage(msg.BadChoice, "hash", list))
			}
			if out == "" && !a.json && isTerminal(a.stdout) {
				return a.usage(msg.BinaryToTerminal)
			}
			return a.sign(c.Context(), &codes, args[0], hash, out)
		},
	}
	c.Flags().StringVar(&hash, "hash", "sha256", a.text(msg.FlagHash))
	c.Flags().StringVar(&out, "out", "", a.text(msg.FlagOut))
	_ = c.RegisterFlagCompletionFunc("hash", cobra.FixedCompletions(slices.Sorted(maps.Keys(hashes)), cobra.ShellCompDirectiveNoFileComp))
	codes.addPIN(a, c)
	return c
}

func (a *app) sign(ctx context.Context, f *codeFlags, name, hash, out string) error {
	// The files first: if one cannot be read or written nobody types a code for
	// nothing.
	digest, err := a.hashFile(ctx, name, hashes[hash])
	if err != nil {
		return err
	}
	file, err := a.openOutput(out, 0o644)
	if err != nil {
		return err
	}
	defer file.discard()
	return a.withPIN(ctx, f, func(u *inUse) error {
		var signature []byte
		err := a.onCard(func() error {
			key, err := u.session.Signer(ctx)
			if err != nil {
				return err
			}
			signature, err = key.Sign(nil, digest, hashes[hash])
			return err
		})
		if err != nil {
			return err
		}
		if err := file.write(signature); err != nil {
			return err
		}
		switch {
		case a.json:
			answer := signJSON{Reader: u.reader, NIS: u.session.NIS(), Hash: hash, Digest: hex.EncodeToString(digest), Out: out}
			if out == "" {
				answer.Signature = signature
			}
			return a.printJSON(answer)
		case out != "":
			a.note(a.text(msg.SignWritten, out))
			if isTerminal(a.stderr) {
				a.note(a.text(msg.SignCheck))
				a.note("  cie cert --out me.pem && openssl x509 -in me.pem -pubkey -noout > me.pub")
				a.note(fmt.Sprintf("  openssl dgst -%s -verify me.pub -signature %s %s", hash, shellQuote(out), shellQuote(name)))
			}
			return nil
		}
		_, err = a.stdout.Write(signature)
		return err
	})
}

// hashFile is the digest of a file, "-" being standard input.
func (a *app) hashFile(ctx context.Context, name string, hash crypto.Hash) ([]byte, error) {
	h := hash.New()
	read := make(chan error, 1)
	// Opening a pipe and reading from a terminal may take for ever.
	go func() {
		in := a.stdin
		if name != "-" {
			f, err := os.Open(name)
			if err != nil {
				read <- err
				return
			}
			defer f.Close()
			in = f
		}
		_, err := io.Copy(h, in)
		read <- err
	}()
	select {
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case err := <-read:
		if err != nil {
			return nil, a.problem("failed", exitFailed, msg.CannotRead, name, cause(err))
		}
		return h.Sum(nil), nil
	}
}

// shellQuote makes a file name fit to be copied into a shell.
func shellQuote(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-+=", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
