package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestWhyAServiceIsAwayIsToldOnPurposeOnly: errors of the network hold addresses, which are none of the caller's business.
func TestWhyAServiceIsAwayIsToldOnPurposeOnly(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"an error of the network":     {errors.New("dial tcp 10.1.2.3:80: refused"), "The service did not answer."},
		"a sentence for the caller":   {&Unreachable{"Nobody answers for it."}, "Nobody answers for it."},
		"a sentence in another error": {errors.Join(&Unreachable{"Nobody answers for it."}), "Nobody answers for it."},
	} {
		t.Run(name, func(t *testing.T) {
			r := shop(t, nil)
			r.proxy.Dial = func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }
			got := raw(t, r.listen(netip.MustParseAddrPort("192.0.2.1:80")), "GET /v3/templates/x HTTP/1.1\r\nHost: api.esp\r\nConnection: close\r\n\r\n")
			if !strings.HasPrefix(got, "HTTP/1.1 502 ") || !strings.Contains(got, tt.want) || strings.Contains(got, "10.1.2.3") {
				t.Errorf("%s", got)
			}
		})
	}
}
