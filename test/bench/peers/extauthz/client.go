package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
)

const (
	method = "/envoy.service.auth.v3.Authorization/Check"
	// patience is how long a call may take. Envoy sends such a time with each.
	patience = 10 * time.Second
	// callers are more than calls are ever on their way at the rates of the benchmark.
	callers = 64
)

// order is what is to be done: a line on the standard input.
type order struct {
	Address string
	// Host and Paths are of the requests that are asked about, each in turn.
	Host  string
	Paths []string
	// Rate in calls a second, for so many calls, over so many connections.
	Rate, Calls, Connections int
	// Decided asks for the id of a decision with each answer, so that only what was decided counts.
	Decided bool
}

// told is what came of it: a line on the standard output.
type told struct {
	// Latencies in nanoseconds, from when each call was due until its answer was there.
	Latencies []int64
	// Message is the size of the first CheckRequest, in bytes.
	Message int
	Error   string `json:",omitempty"`
}

// client carries out orders until its input ends. Connections stay open between orders to one address.
func client(in io.Reader, out io.Writer) error {
	dec, enc := json.NewDecoder(in), json.NewEncoder(out)
	kept := map[string][]*grpc.ClientConn{}
	for {
		var o order
		if err := dec.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		t, err := o.run(kept)
		if err != nil {
			t.Error = err.Error()
		}
		if err := enc.Encode(t); err != nil {
			return err
		}
	}
}

func (o order) run(kept map[string][]*grpc.ClientConn) (told, error) {
	t := told{Latencies: make([]int64, o.Calls)}
	for len(kept[o.Address]) < o.Connections {
		c, err := grpc.NewClient(o.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return t, err
		}
		kept[o.Address] = append(kept[o.Address], c)
	}
	messages := make([][]byte, o.Calls)
	for i := range messages {
		var err error
		if messages[i], err = proto.Marshal(question(o.Host, o.Paths[i%len(o.Paths)])); err != nil {
			return t, err
		}
	}
	t.Message = len(messages[0])
	answers := make([][]byte, o.Calls)
	failed := make([]error, o.Calls)
	due := make([]time.Time, o.Calls)
	calls := make(chan int, o.Calls)
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			for i := range calls {
				ctx, cancel := context.WithTimeout(context.Background(), patience)
				failed[i] = kept[o.Address][i%o.Connections].Invoke(ctx, method, &messages[i], &answers[i], grpc.ForceCodec(raw{}))
				cancel()
				t.Latencies[i] = time.Since(due[i]).Nanoseconds()
			}
		})
	}
	err := pace(o.Rate, due, calls)
	close(calls)
	all.Wait()
	if err == nil {
		err = errors.Join(failed...)
	}
	for i := 0; i < o.Calls && err == nil; i++ {
		err = o.check(answers[i])
	}
	return t, err
}

// pace keeps the time on a thread of its own, whose timers are exact.
func pace(rate int, due []time.Time, calls chan<- int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0); err != nil {
		return err
	}
	begin := time.Now().Add(10 * time.Millisecond)
	for i := range due {
		due[i] = begin.Add(time.Duration(i) * time.Second / time.Duration(rate))
		if wait := time.Until(due[i]); wait > 0 {
			ts := unix.NsecToTimespec(wait.Nanoseconds())
			_ = unix.Nanosleep(&ts, nil)
		}
		calls <- i
	}
	return nil
}

// check looks at an answer: the request passes, and whoever decides says how the decision is called.
func (o order) check(answer []byte) error {
	var r authv3.CheckResponse
	if err := proto.Unmarshal(answer, &r); err != nil {
		return err
	}
	if r.GetStatus().GetCode() != 0 || r.GetDeniedResponse() != nil {
		return fmt.Errorf("a request is denied: %v", &r)
	}
	if o.Decided && len(r.GetOkResponse().GetResponseHeadersToAdd()) == 0 {
		return fmt.Errorf("nothing was decided: %v", &r)
	}
	return nil
}

// raw passes messages on as they are.
type raw struct{}

// Marshal implements encoding.Codec.
func (raw) Marshal(v any) ([]byte, error) { return *v.(*[]byte), nil }

// Unmarshal implements encoding.Codec.
func (raw) Unmarshal(b []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), b...)
	return nil
}

// Name implements encoding.Codec.
func (raw) Name() string { return "proto" }
