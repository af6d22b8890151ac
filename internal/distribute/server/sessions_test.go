package server

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/optup/optup/internal/distribute/configv1"
)

// TestSessionsTellOfNewCallers: whoever shows them hears of a caller at once, and not of each call.
func TestSessionsTellOfNewCallers(t *testing.T) {
	told := 0
	s := NewSessions(time.Now, func(namespace, config string) {
		if told++; namespace != "crm" || config != "deployment-customers" {
			t.Errorf("told of %s/%s", namespace, config)
		}
	})
	hour := time.Date(2026, 5, 1, 10, 0, 0, 0, time.UTC)
	seen := func(after time.Duration, workloads ...string) {
		m := &configv1.AcknowledgeRequest{Generation: 1, Accepted: true}
		for _, w := range workloads {
			m.Callers = append(m.Callers, &configv1.ObservedCaller{Service: "crm/customers", Namespace: "shop", Workload: w, Proof: "Certificate", Seen: timestamppb.New(hour.Add(after))})
		}
		s.Acknowledge("pod", Caller{Namespace: "crm", Config: "deployment-customers"}, m)
	}
	for _, step := range []struct {
		what string
		do   func()
		want int
	}{
		{"the first sign of life", func() { seen(0) }, 1},
		{"a caller", func() { seen(time.Minute, "mailer") }, 2},
		{"the same one again", func() { seen(2*time.Minute, "mailer") }, 2},
		{"another one", func() { seen(3*time.Minute, "mailer", "ads") }, 3},
		{"both in another order", func() { seen(4*time.Minute, "ads", "mailer") }, 3},
		{"the next hour", func() { seen(time.Hour, "mailer", "ads") }, 4},
		{"one that is seen no more", func() { seen(time.Hour, "ads") }, 5},
	} {
		if step.do(); told != step.want {
			t.Fatalf("%s: told %d times, want %d", step.what, told, step.want)
		}
	}
}
