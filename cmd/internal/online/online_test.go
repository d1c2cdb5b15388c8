package online

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestFetchRefusesOtherAnswers(t *testing.T) {
	var seen *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r
		body, _ = io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/long":
			io.WriteString(w, strings.Repeat("x", 101))
		case "/missing":
			http.NotFound(w, r)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			io.WriteString(w, "answer")
		}
	}))
	defer server.Close()
	c := &Client{HTTP: &http.Client{CheckRedirect: standard.CheckRedirect}}
	got, err := c.Fetch(context.Background(), server.URL, "application/x", []byte("question"), 100)
	if err != nil || string(got) != "answer" {
		t.Fatalf("%q, %v", got, err)
	}
	if seen.Method != http.MethodPost || string(body) != "question" || seen.Header.Get("Content-Type") != "application/x" {
		t.Errorf("%s %q %v", seen.Method, body, seen.Header)
	}
	if seen.Header.Get("User-Agent") != "cie" || seen.Header.Get("Cookie") != "" {
		t.Errorf("%v", seen.Header)
	}
	if _, err := c.Fetch(context.Background(), server.URL, "", nil, 100); err != nil || seen.Method != http.MethodGet {
		t.Errorf("%s, %v", seen.Method, err)
	}
	for _, path := range []string{"/long", "/missing"} {
		if _, err := c.Fetch(context.Background(), server.URL+path, "", nil, 100); !errors.Is(err, ErrAnswer) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, path := range []string{"/loop", "/file"} {
		if _, err := c.Fetch(context.Background(), server.URL+path, "", nil, 100); err == nil {
			t.Errorf("%s is followed", path)
		}
	}
	for _, address := range []string{"", "ftp://host/x", "file:///etc/passwd", "http://", "ldap://host", "host/path", "http://a b"} {
		if _, err := c.Fetch(context.Background(), address, "", nil, 100); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Fetch(ctx, server.URL, "", nil, 100); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
