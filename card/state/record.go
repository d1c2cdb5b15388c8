package state

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Limits of a record, so that a damaged or foreign file costs little.
const (
	maxRecord = 16 << 10
	maxText   = 256 // bytes of NIS, root and holder
)

const version = 1

// stored is the form of a record on disk.
type stored struct {
	Version int            `json:"version"`
	NIS     string         `json:"nis"`
	Genuine *storedGenuine `json:"genuine,omitempty"`
	Consent *storedConsent `json:"consent,omitempty"`
	PIN     *int           `json:"pin_tries,omitempty"`
	PUK     *int           `json:"puk_tries,omitempty"`
	Mark    string         `json:"mark,omitempty"`
	Holder  string         `json:"holder,omitempty"`
}

type storedGenuine struct {
	Key  string `json:"key"`
	Root string `json:"root"`
}

type storedConsent struct {
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

// maxTries limits a counter: the largest one of a CIE is 10 (CIE Annex A), and
// 63Cx can express 15.
const maxTries = 15

func encode(r Record) ([]byte, error) {
	s := stored{Version: version, NIS: r.NIS, Holder: cleanText(r.Holder)}
	if r.Genuine != nil {
		s.Genuine = &storedGenuine{hex.EncodeToString(r.Genuine.Key[:]), cleanText(r.Genuine.Root)}
	}
	if r.Consent != nil {
		s.Consent = &storedConsent{hex.EncodeToString(r.Consent.Key[:]), r.Consent.At.UTC().Truncate(time.Second)}
	}
	for _, c := range []struct {
		from Counter
		to   **int
	}{{r.PIN, &s.PIN}, {r.PUK, &s.PUK}} {
		if left := c.from.Left; c.from.Known {
			*c.to = &left
		}
	}
	if r.Mark != (Mark{}) {
		s.Mark = hex.EncodeToString(r.Mark[:])
	}
	data, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	// A record that decode refuses must not be written.
	if _, err := decode(data); err != nil {
		return nil, err
	}
	return append(data, '\n'), nil
}

// decode reads a record. Every error matches ErrDamaged.
func decode(data []byte) (Record, error) {
	bad := func(format string, args ...any) (Record, error) {
		return Record{}, fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
	}
	if len(data) > maxRecord {
		return bad("too long")
	}
	if !utf8.Valid(data) {
		return bad("not UTF-8")
	}
	var s stored
	d := json.NewDecoder(bytes.NewReader(data))
	// An unknown field was written by a later version. Rewriting the record would
	// lose it.
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return bad("%v", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return bad("data after the record")
	}
	if s.Version != version {
		return bad("version %d", s.Version)
	}
	if s.NIS == "" {
		return bad("no NIS")
	}
	r := Record{NIS: s.NIS, Holder: s.Holder}
	texts := []string{s.NIS, s.Holder}
	if s.Genuine != nil {
		r.Genuine = &Genuine{Root: s.Genuine.Root}
		if !unhex(r.Genuine.Key[:], s.Genuine.Key) {
			return bad("key")
		}
		texts = append(texts, s.Genuine.Root)
	}
	if s.Consent != nil {
		r.Consent = &Consent{At: s.Consent.At.UTC()}
		if !unhex(r.Consent.Key[:], s.Consent.Key) {
			return bad("key")
		}
	}
	for _, c := range []struct {
		from *int
		to   *Counter
	}{{s.PIN, &r.PIN}, {s.PUK, &r.PUK}} {
		if c.from == nil {
			continue
		}
		if *c.from < 0 || *c.from > maxTries {
			return bad("tries %d", *c.from)
		}
		*c.to = Counter{Left: *c.from, Known: true}
	}
	if s.Mark != "" && (!unhex(r.Mark[:], s.Mark) || r.Mark == Mark{}) {
		return bad("mark")
	}
	for _, text := range texts {
		if text != cleanText(text) {
			return bad("text")
		}
	}
	return r, nil
}

// unhex decodes exactly as many lower-case hexadecimal digits as out needs.
func unhex(out []byte, s string) bool {
	if len(s) != 2*len(out) || strings.ToLower(s) != s {
		return false
	}
	_, err := hex.Decode(out, []byte(s))
	return err == nil
}

// cleanText removes what is not printable and limits the length.
func cleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) && r != utf8.RuneError {
			return r
		}
		return -1
	}, s)
	for len(s) > maxText {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
