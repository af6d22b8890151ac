package envoy

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// TestWhatBreaksTheRulesEndsTheConnection, with the code that RFC 9113 has for it, and is not decided about.
func TestWhatBreaksTheRulesEndsTheConnection(t *testing.T) {
	settings := func(p *peer) { p.write(p.f.WriteSettings()) }
	raw := func(kind http2.FrameType, flags http2.Flags, id uint32, payload []byte) func(*peer) {
		return func(p *peer) { settings(p); p.write(p.f.WriteRawFrame(kind, flags, id, payload)) }
	}
	half := func(p *peer) []byte {
		settings(p)
		block := p.head()
		p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:3], EndStream: true}))
		return block[3:]
	}
	for name, c := range map[string]struct {
		send func(*peer)
		want http2.ErrCode
	}{
		"a call before the settings":          {func(p *peer) { p.open() }, http2.ErrCodeProtocol},
		"an acknowledgement before settings":  {func(p *peer) { p.write(p.f.WriteSettingsAck()) }, http2.ErrCodeProtocol},
		"a frame larger than may be":          {raw(http2.FrameData, 0, 1, make([]byte, maxFrame+1)), http2.ErrCodeFrameSize},
		"a call with an even number":          {func(p *peer) { settings(p); p.next = 2; p.open() }, http2.ErrCodeProtocol},
		"a call with the number 0":            {func(p *peer) { settings(p); p.next = 0; p.open() }, http2.ErrCodeProtocol},
		"fields that go on from none":         {raw(http2.FrameContinuation, http2.FlagContinuationEndHeaders, 1, nil), http2.ErrCodeProtocol},
		"fields that go on in another call":   {func(p *peer) { p.write(p.f.WriteContinuation(3, true, half(p))) }, http2.ErrCodeProtocol},
		"a frame within fields":               {func(p *peer) { half(p); p.write(p.f.WritePing(false, [8]byte{})) }, http2.ErrCodeProtocol},
		"fields in very many frames":          {func(p *peer) { half(p); many(p, 100, nil) }, http2.ErrCodeEnhanceYourCalm},
		"fields of very many bytes":           {func(p *peer) { half(p); many(p, 6, make([]byte, maxFrame)) }, http2.ErrCodeEnhanceYourCalm},
		"fields that cannot be read":          {raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}), http2.ErrCodeCompression},
		"fields that end within one":          {raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, []byte{0x40, 5, 'a'}), http2.ErrCodeCompression},
		"a table larger than is kept":         {raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 1, []byte{0x3f, 0xe1, 0xff, 0x7f}), http2.ErrCodeCompression},
		"fields with a priority cut off":      {raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersPriority, 1, []byte{0, 0}), http2.ErrCodeFrameSize},
		"fields with more padding than frame": {raw(http2.FrameHeaders, http2.FlagHeadersEndHeaders|http2.FlagHeadersPadded, 1, []byte{9, 0}), http2.ErrCodeProtocol},
		"data with more padding than frame": {func(p *peer) {
			settings(p)
			id := p.open()
			p.write(p.f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, id, []byte{9, 0}))
		}, http2.ErrCodeProtocol},
		"data with padding and no length": {func(p *peer) {
			settings(p)
			id := p.open()
			p.write(p.f.WriteRawFrame(http2.FrameData, http2.FlagDataPadded, id, nil))
		}, http2.ErrCodeProtocol},
		"data of no call":                      {raw(http2.FrameData, 0, 0, nil), http2.ErrCodeProtocol},
		"data of a call that was not begun":    {raw(http2.FrameData, 0, 1, nil), http2.ErrCodeProtocol},
		"a reset of no call":                   {raw(http2.FrameRSTStream, 0, 0, make([]byte, 4)), http2.ErrCodeProtocol},
		"a reset of a call that was not begun": {raw(http2.FrameRSTStream, 0, 1, make([]byte, 4)), http2.ErrCodeProtocol},
		"a reset of another size": {func(p *peer) {
			settings(p)
			id := p.open()
			p.write(p.f.WriteRawFrame(http2.FrameRSTStream, 0, id, make([]byte, 5)))
		}, http2.ErrCodeFrameSize},
		"a priority of no call":               {raw(http2.FramePriority, 0, 0, make([]byte, 5)), http2.ErrCodeProtocol},
		"settings of a call":                  {raw(http2.FrameSettings, 0, 1, nil), http2.ErrCodeProtocol},
		"settings of another size":            {raw(http2.FrameSettings, 0, 0, make([]byte, 7)), http2.ErrCodeFrameSize},
		"an acknowledgement with settings":    {raw(http2.FrameSettings, http2.FlagSettingsAck, 0, make([]byte, 6)), http2.ErrCodeFrameSize},
		"a setting of pushes beyond 1":        {func(p *peer) { p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingEnablePush, Val: 2})) }, http2.ErrCodeProtocol},
		"a setting of frames below the least": {func(p *peer) { p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1})) }, http2.ErrCodeProtocol},
		"a setting of frames beyond the most": {func(p *peer) { p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 24})) }, http2.ErrCodeProtocol},
		"a setting of windows beyond the most": {func(p *peer) {
			p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31}))
		}, http2.ErrCodeFlowControl},
		"a setting that widens one beyond": {func(p *peer) {
			settings(p)
			p.write(p.f.WriteWindowUpdate(p.open(), maxWindow-firstWindow))
			p.write(p.f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: firstWindow + 1}))
		}, http2.ErrCodeFlowControl},
		"a promise":                      {raw(http2.FramePushPromise, http2.FlagPushPromiseEndHeaders, 1, make([]byte, 4)), http2.ErrCodeProtocol},
		"a ping of a call":               {raw(http2.FramePing, 0, 1, make([]byte, 8)), http2.ErrCodeProtocol},
		"a ping of another size":         {raw(http2.FramePing, 0, 0, make([]byte, 7)), http2.ErrCodeFrameSize},
		"a farewell of a call":           {raw(http2.FrameGoAway, 0, 1, make([]byte, 8)), http2.ErrCodeProtocol},
		"a window by nothing":            {raw(http2.FrameWindowUpdate, 0, 0, make([]byte, 4)), http2.ErrCodeProtocol},
		"a window of another size":       {raw(http2.FrameWindowUpdate, 0, 0, make([]byte, 3)), http2.ErrCodeFrameSize},
		"a window beyond the most":       {raw(http2.FrameWindowUpdate, 0, 0, []byte{0x7f, 0xff, 0xff, 0xff}), http2.ErrCodeFlowControl},
		"a window of a call never begun": {raw(http2.FrameWindowUpdate, 0, 1, []byte{0, 0, 0, 1}), http2.ErrCodeProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			s := allowing()
			s.Decide = func(context.Context, *Check, Metadata) Verdict { t.Error("it was decided about"); return Verdict{} }
			address, _ := serve(t, s)
			p := connect(t, address)
			c.send(p)
			if got := p.answer(0); !got.closed || !got.away || got.code != c.want {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

// TestOtherProtocolsAreNotAnswered, whatever would follow.
func TestOtherProtocolsAreNotAnswered(t *testing.T) {
	address, _ := serve(t, allowing())
	for _, said := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r!"} {
		p := connectSaying(t, address, said)
		_ = p.f.WriteSettings() // it may be closed already
		if got := p.answer(0); !got.closed || got.away {
			t.Errorf("%q: %+v", said, got)
		}
	}
}

// many goes on with fields in frames that do not end.
func many(p *peer, n int, b []byte) {
	for range n {
		if p.f.WriteContinuation(1, false, b) != nil {
			return // it is closed already
		}
	}
}

// TestWhatBreaksTheRulesOfACallEndsIt, and the connection goes on.
func TestWhatBreaksTheRulesOfACallEndsIt(t *testing.T) {
	pairs := func(all ...string) func(*peer) {
		return func(p *peer) {
			p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: p.next, BlockFragment: p.block(all...), EndHeaders: true}))
			p.next += 2
		}
	}
	more := func(all ...string) func(*peer) { return func(p *peer) { p.open(all...) } }
	for name, c := range map[string]struct {
		send func(*peer)
		want http2.ErrCode
	}{
		"no method":                   {pairs(":scheme", "http", ":path", checkPath, "content-type", "application/grpc"), http2.ErrCodeProtocol},
		"no scheme":                   {pairs(":method", "POST", ":path", checkPath, "content-type", "application/grpc"), http2.ErrCodeProtocol},
		"no path":                     {pairs(":method", "POST", ":scheme", "http", "content-type", "application/grpc"), http2.ErrCodeProtocol},
		"two paths":                   {pairs(":method", "POST", ":scheme", "http", ":path", checkPath, ":path", healthPath, "content-type", "application/grpc"), http2.ErrCodeProtocol},
		"a path behind the headers":   {pairs(":method", "POST", ":scheme", "http", "content-type", "application/grpc", ":path", checkPath), http2.ErrCodeProtocol},
		"another field with a colon":  {pairs(":method", "POST", ":scheme", "http", ":path", checkPath, ":status", "200"), http2.ErrCodeProtocol},
		"a name in capitals":          {more("X-Y", "1"), http2.ErrCodeProtocol},
		"a name with a space":         {more("x y", "1"), http2.ErrCodeProtocol},
		"a name with a colon":         {more("x:y", "1"), http2.ErrCodeProtocol},
		"a value with a line feed":    {more("optup-purpose", "a\nb"), http2.ErrCodeProtocol},
		"a value with a zero byte":    {more("optup-purpose", "a\x00b"), http2.ErrCodeProtocol},
		"a header of the connection":  {more("connection", "close"), http2.ErrCodeProtocol},
		"an encoding of the transfer": {more("transfer-encoding", "chunked"), http2.ErrCodeProtocol},
		"te with gzip":                {more("te", "gzip"), http2.ErrCodeProtocol},
		"a length that is none":       {more("content-length", "-1"), http2.ErrCodeProtocol},
		"data behind the end": {func(p *peer) {
			id := p.open()
			// Both are read at once, so the second comes before the answer to the first.
			_, err := p.Write(append(dataFrame(id, true, framed(example())), dataFrame(id, false, nil)...))
			p.write(err)
		}, http2.ErrCodeStreamClosed},
		"trailers behind the end": {func(p *peer) {
			id := p.open()
			block := p.block("x", "y")
			trailers := append(appendHead(nil, len(block), frameHeaders, flagEndHeaders|flagEndStream, id), block...)
			_, err := p.Write(append(dataFrame(id, true, framed(example())), trailers...))
			p.write(err)
		}, http2.ErrCodeStreamClosed},
		"trailers that do not end it": {func(p *peer) {
			id := p.open()
			p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: p.block("x", "y"), EndHeaders: true}))
		}, http2.ErrCodeProtocol},
		"a window by nothing":      {func(p *peer) { p.write(p.f.WriteWindowUpdate(p.open(), 0)) }, http2.ErrCodeProtocol},
		"a window beyond the most": {func(p *peer) { p.write(p.f.WriteWindowUpdate(p.open(), maxWindow)) }, http2.ErrCodeFlowControl},
	} {
		t.Run(name, func(t *testing.T) {
			p := dial(t, allowing())
			id := p.next
			c.send(p)
			if got := p.answer(id); got.reset != c.want || got.closed {
				t.Fatalf("%+v, want %s", got, c.want)
			}
			if got := p.call(framed(example())); !got.allowed() {
				t.Errorf("after it: %+v", got)
			}
		})
	}
}

func dataFrame(id uint32, ends bool, b []byte) []byte {
	var out bytes.Buffer
	_ = http2.NewFramer(&out, nil).WriteData(id, ends, b) // a buffer takes all
	return out.Bytes()
}

// TestFieldsThatGrowAreRefused: a few bytes refer to fields of many, which are not kept; the answer denies.
func TestFieldsThatGrowAreRefused(t *testing.T) {
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { t.Error("it was decided about"); return Verdict{} }
	p := dial(t, s)
	block := p.head("x-large", strings.Repeat("x", 3000))
	block = append(block, bytes.Repeat([]byte{0x80 | 62}, 10_000)...) // the newest entry of the table
	p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block, EndHeaders: true}))
	p.next = 3
	if got := p.answer(1); !got.refused(TooLarge) {
		t.Errorf("%+v", got)
	}
	s.Decide = allowing().Decide
	if got := p.call(framed(example())); !got.allowed() {
		t.Errorf("after it: %+v", got)
	}
}

// TestFieldsAreReadHoweverTheyCome: in several frames, padded, with a priority; and what nobody knows is left alone.
func TestFieldsAreReadHoweverTheyCome(t *testing.T) {
	s := allowing()
	s.Decide = func(_ context.Context, _ *Check, m Metadata) Verdict {
		return Verdict{Allow: m.Get("optup-purpose") == "a purpose" && m.Get("x") == ""}
	}
	p := dial(t, s, http2.Setting{ID: 0x77, Val: 1})
	p.write(p.f.WriteRawFrame(0x55, 0xff, 0, []byte("nobody knows")))
	p.write(p.f.WritePriority(1, http2.PriorityParam{StreamDep: 0}))
	block := p.head("optup-purpose", "a purpose")
	p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: block[:1], PadLength: 7, Priority: http2.PriorityParam{Weight: 3}}))
	for i := 1; i < 8; i++ {
		p.write(p.f.WriteContinuation(1, false, block[i:i+1]))
	}
	p.write(p.f.WriteContinuation(1, true, block[8:]))
	body := framed(example())
	for _, b := range body {
		p.write(p.f.WriteDataPadded(1, false, []byte{b}, make([]byte, 3)))
	}
	p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: p.block("x", "of a trailer"), EndHeaders: true, EndStream: true}))
	if got := p.answer(1); !got.allowed() {
		t.Errorf("%+v", got)
	}
}

// TestWhatIsNoCallIsRefused: this is no place for a browser, and has no other service.
func TestWhatIsNoCallIsRefused(t *testing.T) {
	s := allowing()
	s.Decide = func(context.Context, *Check, Metadata) Verdict { t.Error("it was decided about"); return Verdict{} }
	p := dial(t, s)
	for name, c := range map[string]struct{ method, path, kind, status, code string }{
		"a page":          {"GET", "/", "", "415", ""},
		"a form":          {"POST", checkPath, "application/x-www-form-urlencoded", "415", ""},
		"gRPC of the web": {"POST", checkPath, "application/grpc-web", "415", ""},
		"another method":  {"PUT", checkPath, "application/grpc", "415", ""},
		"another service": {"POST", "/x.Y/Z", "application/grpc+proto", "200", codeUnimplemented},
	} {
		for _, ends := range []bool{true, false} {
			id := p.next
			p.next += 2
			block := p.block(":method", c.method, ":scheme", "http", ":path", c.path, "content-type", c.kind)
			p.write(p.f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block, EndHeaders: true, EndStream: ends}))
			if got := p.answer(id); got.fields[":status"] != c.status || got.fields["grpc-status"] != c.code {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
}

// TestHealth is that of the bundle.
func TestHealth(t *testing.T) {
	ready := false
	s := allowing()
	s.Ready = func() bool { return ready }
	p := dial(t, s)
	for _, want := range []int{2, 1} {
		if got := p.health(service); !bytes.Equal(got.body, framed(number(nil, 1, want))) {
			t.Errorf("%+v, want %d", got, want)
		}
		ready = true
	}
	if got := p.health("other"); got.fields["grpc-status"] != codeNotFound {
		t.Errorf("another service: %+v", got)
	}
}
