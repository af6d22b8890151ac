package insert

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/optup/optup/internal/credential"
	"github.com/optup/optup/internal/ir"
)

// within reads an answer through what hides a value.
func within(t testing.TB, value string, body io.Reader) *http.Response {
	t.Helper()
	c, err := prepare(&ir.Credential{Type: ir.CredentialHeader, Header: "Api-Key"}, credential.New(value))
	if err != nil {
		t.Fatal(err)
	}
	res := &http.Response{Header: http.Header{}, Body: io.NopCloser(body)}
	c.Hide(res)
	return res
}

// FuzzHide: whatever comes in whatever pieces, the value is not in what comes out, which is as long and differs in nothing else.
func FuzzHide(f *testing.F) {
	f.Add("abababab", "xabababababababy", uint8(1))
	f.Add("SG.correct/horse", `{"key":"SG.correct\/horse","again":"SG.correct/horse"}`, uint8(3))
	f.Add("a+b/c d%ef", "a%2Bb%2Fc+d%25ef a%2Bb%2Fc%20d%25ef a+b%2Fc%20d%25ef", uint8(7))
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaab", strings.Repeat("a", 99)+"b", uint8(2))
	f.Add("short", "short", uint8(1))
	f.Fuzz(func(t *testing.T, value, body string, pieces uint8) {
		text, err := credential.Text([]byte(value))
		if err != nil || len(text.Reveal()) < shortest || strings.Contains(value, "*") {
			return
		}
		value = text.Reveal()
		for _, b := range []string{body, body + value + body, value + value, body + value[:len(value)/2]} {
			res := within(t, value, &inPieces{text: b, n: int(pieces)%11 + 1})
			got, err := io.ReadAll(iotest.HalfReader(res.Body))
			if err != nil || len(got) != len(b) || bytes.Contains(got, []byte(value)) {
				t.Errorf("%q came out of %q: %v", got, b, err)
			}
			if !strings.Contains(b, value) && !strings.ContainsAny(value, `"\/%+ &<>`) {
				if string(got) != b && !strings.Contains(string(got), "*") {
					t.Errorf("%q came out of %q", got, b)
				}
			}
			for i := range got {
				if got[i] != b[i] && got[i] != '*' {
					t.Fatalf("byte %d of %q became %q", i, b, got[i])
				}
			}
		}
	})
}

// inPieces gives at most n bytes a read, and its end with the last of them now and then.
type inPieces struct {
	text string
	n    int
}

func (p *inPieces) Read(b []byte) (int, error) {
	if p.text == "" {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(p.n, len(p.text))])
	if p.text = p.text[n:]; p.text == "" && p.n%2 == 0 {
		return n, io.EOF
	}
	return n, nil
}

// TestAStreamIsNotHeldUp: what cannot be a part of the value comes out as soon as it is there.
func TestAStreamIsNotHeldUp(t *testing.T) {
	r, w := io.Pipe()
	pieces := []string{"data: 1\n\n", "data: SG.corre", "spondence\n\n", "SG.correct-", "horse\n\n"}
	go func() {
		for _, p := range pieces { // each is taken before the next is there
			_, _ = io.WriteString(w, p)
		}
	}()
	res := within(t, "SG.correct-horse", r)
	got := make([]byte, 64)
	for _, want := range []string{"data: 1\n\n", "data: ", "SG.correspondence\n\n", "****************\n\n"} {
		if n, err := res.Body.Read(got); string(got[:n]) != want || err != nil {
			t.Errorf("%q came out, not %q: %v", got[:n], want, err)
		}
	}
	_ = w.Close()
}

func TestErrorsOfAnAnswerPass(t *testing.T) {
	broken := errors.New("broken")
	res := within(t, "SG.correct-horse", io.MultiReader(strings.NewReader("SG.corr"), iotest.ErrReader(broken)))
	got, err := io.ReadAll(res.Body)
	if string(got) != "SG.corr" || !errors.Is(err, broken) {
		t.Errorf("%q, %v", got, err)
	}
}

// TestPairsAreHidden: user and password, together, apart and as they are sent.
func TestPairsAreHidden(t *testing.T) {
	c, err := prepare(&ir.Credential{Type: ir.CredentialBasic}, credential.New("api:correct-horse"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"api:correct-horse", "correct-horse", base64.StdEncoding.EncodeToString([]byte("api:correct-horse"))} {
		res := &http.Response{Header: http.Header{"X-Echo": {text}}, Body: io.NopCloser(strings.NewReader(text))}
		c.Hide(res)
		if got, _ := io.ReadAll(res.Body); strings.Contains(string(got), text) || strings.Contains(res.Header.Get("X-Echo"), text) {
			t.Errorf("%q and %q came out of %q", got, res.Header.Get("X-Echo"), text)
		}
	}
}

func BenchmarkHide(b *testing.B) {
	body := bytes.Repeat([]byte(`{"name":"Some text of an answer","more":[1,2,3,4]},`), 2000)
	out := make([]byte, 32<<10)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		res := within(b, "SG.correct-horse-battery-staple", bytes.NewReader(body))
		for {
			if _, err := res.Body.Read(out); err != nil {
				break
			}
		}
	}
}
