package metrics

import "testing"

// TestWhatGoDoesNotKnowIsLeftOut: the names of its samples may change with its versions, and whoever scrapes wants the others.
func TestWhatGoDoesNotKnowIsLeftOut(t *testing.T) {
	if v, ok := sample("/of/tomorrow:bytes")(); ok || v != 0 {
		t.Errorf("%v, %v", v, ok)
	}
	if v, ok := sample("/sched/goroutines:goroutines")(); !ok || v < 1 {
		t.Errorf("%v, %v", v, ok)
	}
}
