package world

import "testing"

func TestThePolicyCompilesWithoutFindings(t *testing.T) {
	b, encoded, err := bundle([]int{8001, 8002, 8003})
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Services) != 1 || len(b.Services[0].Ports) != 3 || len(b.Rules) != 8 || len(encoded) == 0 {
		t.Errorf("%s", encoded)
	}
}
