package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/optup/optup/internal/ledger/wire"
)

// callbacksTimeout is shorter than what services wait for an answer to a callback.
const callbacksTimeout = 8 * time.Second

// SendCallbackEvents tells the ledger what people said by a service, with the token and the grant of the stream. What it returns without an
// error is durable. Everything that fails may be sent again, with the same keys.
func (f *Feed) SendCallbackEvents(ctx context.Context, in wire.CallbackEvents) (wire.CallbackTaken, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return wire.CallbackTaken{}, errors.New("the events of a callback cannot be written")
	}
	ctx, cancel := context.WithTimeout(ctx, callbacksTimeout)
	defer cancel()
	res, err := f.report(ctx, wire.CallbacksPath, body)
	if err != nil {
		return wire.CallbackTaken{}, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return wire.CallbackTaken{}, fmt.Errorf("events of a callback: %w", explain(res))
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return wire.CallbackTaken{}, err
	}
	return wire.Decode[wire.CallbackTaken](answer)
}

// report posts JSON on the connection that is kept for reports. After a failure a new one is made, which reads the authorities again.
func (f *Feed) report(ctx context.Context, path string, body []byte) (*http.Response, error) {
	base, err := url.Parse(f.URL)
	if err != nil {
		return nil, errors.New("the URL of the ledger cannot be read")
	}
	client, err := f.reporting()
	if err != nil {
		return nil, err
	}
	s := &session{feed: f, base: base, client: client}
	req, err := s.request(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		f.forgetReporting()
	}
	return res, err
}
