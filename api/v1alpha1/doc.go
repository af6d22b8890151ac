// Package v1alpha1 holds the kinds of consent.optup.dev/v1alpha1: what a data protection officer, a platform team and an application
// team declare (DataPurpose, ConsentNotice, DataService, ConsentPolicy, ConsentLedger), and what the manager publishes
// (SidecarConfig).
//
// It is types, constants and schema only. It knows neither controller-runtime nor anything in internal/, so that other projects can
// import it. internal/translate turns its objects into the compiler's input; controllers write its statuses.
//
// Nothing here is about a single person: no address, tag or name of a data subject belongs into any field.
//
// +kubebuilder:object:generate=true
// +groupName=consent.optup.dev
package v1alpha1
