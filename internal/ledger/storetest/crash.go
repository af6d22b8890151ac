package storetest

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/optup/optup/internal/consent"
	"github.com/optup/optup/internal/ledger/store"
)

// Acknowledged is what a process that was killed had been told.
type Acknowledged struct {
	Key        string
	Position   consent.Position
	Size       consent.Position
	Leaf, Root [32]byte
}

// Rounds is how often a process is killed: 20 times, or as often as the environment variable OPTUP_CRASH_ROUNDS says.
func Rounds() int {
	if n, err := strconv.Atoi(os.Getenv("OPTUP_CRASH_ROUNDS")); err == nil && n > 0 {
		return n
	}
	return 20
}

// AppendUntilKilled appends all kinds of acts by several writers, and tells what is acknowledged. It is the child's part of Crash.
func AppendUntilKilled(s store.Store, out io.Writer) {
	var mu sync.Mutex
	enc := json.NewEncoder(out)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				batch := acts(rand.IntN(300))
				for n := range batch {
					batch[n].Key = fmt.Sprintf("%d/%d/%d/%d", os.Getpid(), w, i, n)
				}
				results, errs, err := s.Append(context.Background(), batch...)
				mu.Lock()
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				for n, r := range results {
					if errs[n] == nil {
						_ = enc.Encode(Acknowledged{batch[n].Key, r.Position, r.Size, r.Leaf, r.Root})
					}
				}
				mu.Unlock()
			}
		}()
	}
	select {}
}

// acts are some acts about a person and others.
func acts(n int) []store.Append {
	withdrawn := About(n, consent.Event{Type: consent.EventWithdrawn, Purpose: "newsletter"})
	switch rand.IntN(4) {
	case 0:
		return []store.Append{Given(n), withdrawn, Given(n + 1)}
	case 1:
		return []store.Append{act(consent.Event{Type: consent.EventObjected, Scope: consent.ScopeAll}, Email(n), identity(consent.IdentifierCustomer, 1000+n))}
	case 2:
		return []store.Append{act(consent.Event{Type: consent.EventLinked}, identity(consent.IdentifierCustomer, 1000+n), identity(consent.IdentifierDevice, 2000+n/2))}
	default:
		return []store.Append{Given(n)}
	}
}

// Crash kills a process that appends, at a random moment, again and again, and checks what it left: every acknowledged event is there and
// proven by what the acknowledgement said, and nothing is half applied. Child gives a command that calls AppendUntilKilled on the same data
// with its standard output.
func Crash(t *testing.T, open func(t *testing.T) store.Store, child func() *exec.Cmd) {
	t.Helper()
	total := 0
	for round := range Rounds() {
		told := kill(t, child())
		total += len(told)
		s := open(t)
		for _, a := range told {
			survived(t, s, a)
		}
		if Sound(t, s); round%5 == 4 {
			Consistent(t, s)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
	}
	t.Logf("%d acknowledged events survived %d kills", total, Rounds())
}

// kill runs a process until a moment after its first acknowledgements, and gives what it was told until then.
func kill(t *testing.T, cmd *exec.Cmd) []Acknowledged {
	t.Helper()
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	var told []Acknowledged
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var a Acknowledged
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("the child says %q", lines.Text())
		}
		if told = append(told, a); len(told) == 1 {
			time.AfterFunc(rand.N(200*time.Millisecond), func() { _ = cmd.Process.Kill() }) // what it still says is read on
		}
	}
	_ = cmd.Wait()
	if len(told) == 0 {
		t.Fatal("nothing was acknowledged before the kill")
	}
	return told
}

// survived checks one acknowledgement. The same key gives the same answer, whatever else has happened since.
func survived(t *testing.T, s store.Store, a Acknowledged) {
	t.Helper()
	again := Given(0)
	again.Key = a.Key
	r := must(t, s, again)
	if !r.Replayed || r.Position != a.Position || r.Leaf != a.Leaf {
		t.Errorf("%+v was acknowledged, now it is %+v", a, r)
	}
	prove(t, s, store.Result{Position: a.Position, Leaf: a.Leaf, Root: a.Root, Size: a.Size})
}
