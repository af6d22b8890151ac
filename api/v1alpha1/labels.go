package v1alpha1

// LabelMode is the label that puts a namespace under governance. Without it nothing in the namespace is injected or enforced.
const LabelMode = "consent.optup.dev/mode"

// Values of LabelMode. Any other value, a mistyped one for example, governs like LabelModeEnforce: a label that somebody set on
// purpose must not fail open.
const (
	// LabelModeObserve decides and shows what would have been denied, and lets everything pass.
	LabelModeObserve = "observe"
	// LabelModeEnforce lets each policy's own mode count.
	LabelModeEnforce = "enforce"
)
