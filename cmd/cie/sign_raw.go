package main

import (
	"context"
	"crypto"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"cie/cmd/internal/tty"
)

// rawJSON is the answer of "cie sign --format raw --json".
type rawJSON struct {
	Reader string `json:"reader"`
	NIS    string `json:"nis"`
	levelJSON
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

// signRaw writes the bare signature of a file.
func (a *app) signRaw(ctx context.Context, f *codeFlags, name, hash, out string) error {
	// The files first: if one cannot be read or written no code is asked for
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
			answer := rawJSON{Reader: u.reader, NIS: u.session.NIS(), levelJSON: u.levelJSON(), Hash: hash, Digest: hex.EncodeToString(digest), Out: out}
			if out == "" {
				answer.Signature = signature
			}
			return a.printJSON(answer)
		case out != "":
			a.note(a.text("sign.written", out))
			if tty.IsTerminal(a.stderr) {
				a.note(a.text("sign.check"))
				a.note("  cie cert --out me.pem && openssl x509 -in me.pem -pubkey -noout > me.pub")
				a.note(fmt.Sprintf("  openssl dgst -%s -verify me.pub -signature %s %s", hash, shellQuote(out), shellQuote(name)))
			}
			return nil
		}
		_, err = a.stdout.Write(signature)
		return err
	})
}

// hashFile returns the digest of a file, "-" being standard input.
func (a *app) hashFile(ctx context.Context, name string, hash crypto.Hash) ([]byte, error) {
	h := hash.New()
	read := make(chan error, 1)
	// Opening a pipe and reading from a terminal may block.
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
			return nil, a.problem("failed", exitFailed, "error.read", name, cause(err))
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
