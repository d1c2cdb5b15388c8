// Package online fetches data for time stamps and revocation checks. No other package of
// the programs connects to other machines, and only commands for which the user allowed
// it use this package.
package online

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Timeout limits one request.
const Timeout = 20 * time.Second

const maxRedirects = 3

// Client fetches over HTTP. The zero Client is ready for use.
type Client struct {
	HTTP *http.Client // nil: one with the proxy of the environment
}

// ErrAnswer reports an answer of the server that does not fit the request.
var ErrAnswer = errors.New("unexpected answer of the server")

// ErrAddress reports an address that is not a web address.
var ErrAddress = errors.New("not a web address")

// CheckURL refuses everything but http and https addresses with a host.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%w: %q", ErrAddress, address)
	}
	return nil
}

var standard = &http.Client{
	Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxResponseHeaderBytes: 64 << 10,
		ResponseHeaderTimeout:  Timeout,
		TLSHandshakeTimeout:    Timeout,
		IdleConnTimeout:        Timeout,
	},
	CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return errors.New("too many redirects")
		}
		return CheckURL(r.URL.String())
	},
}

// Fetch sends body to url with POST and this content type, or without a body
// asks for url with GET. It returns at most limit bytes of the answer and fails
// for a longer one.
func (c *Client) Fetch(ctx context.Context, url, contentType string, body []byte, limit int64) ([]byte, error) {
	if err := CheckURL(url); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	method, content := http.MethodGet, io.Reader(http.NoBody)
	if body != nil {
		method, content = http.MethodPost, bytes.NewReader(body)
	}
	request, err := http.NewRequestWithContext(ctx, method, url, content)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", contentType)
	}
	request.Header.Set("User-Agent", "cie") // without a version, which the server does not need
	client := c.HTTP
	if client == nil {
		client = standard
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %s", ErrAnswer, answer.Status)
	}
	got, err := io.ReadAll(io.LimitReader(answer.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(got)) > limit {
		return nil, fmt.Errorf("%w: over %d bytes", ErrAnswer, limit)
	}
	return got, nil
}
