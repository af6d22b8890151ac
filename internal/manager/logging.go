package manager

import (
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// bodies is the verbosity at which the Kubernetes client logs what it reads and writes, Secrets included.
const bodies zapcore.Level = -8

// WithoutBodies keeps the log below that, whatever verbosity was asked for.
func WithoutBodies(o *zap.Options) {
	if o.Level != nil {
		o.Level = bounded{o.Level}
	}
}

type bounded struct{ zapcore.LevelEnabler }

// Enabled implements zapcore.LevelEnabler.
func (b bounded) Enabled(l zapcore.Level) bool { return l > bodies && b.LevelEnabler.Enabled(l) }
