package manager

import (
	"bytes"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// TestBodiesAreNeverLogged: the Kubernetes client logs them, Secrets included, from verbosity 8 on.
func TestBodiesAreNeverLogged(t *testing.T) {
	for _, level := range []zapcore.Level{-7, -8, -10, -100} {
		var out bytes.Buffer
		o := zap.Options{Level: level, DestWriter: &out}
		log := zap.New(zap.UseFlagOptions(&o), WithoutBodies)
		for _, v := range []int{0, 7, 8, 9, 10} {
			log.V(v).Info("said", "v", v)
			if enabled := log.V(v).Enabled(); enabled != (v < 8) {
				t.Errorf("level %d: verbosity %d is enabled: %v", level, v, enabled)
			}
		}
		if n := strings.Count(out.String(), "said"); n != 2 {
			t.Errorf("level %d: %s", level, out.String())
		}
	}
	o := zap.Options{}
	if !zap.New(zap.UseFlagOptions(&o), WithoutBodies).Enabled() {
		t.Error("nothing is logged by default")
	}
}
