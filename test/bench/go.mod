module github.com/optup/optup/test/bench

go 1.26.0

replace github.com/optup/optup => ../..

require (
	github.com/casbin/casbin/v2 v2.135.0
	github.com/cedar-policy/cedar-go v1.9.0
	github.com/go-json-experiment/json v1.27.2
	github.com/open-policy-agent/opa v1.22.2
	github.com/optup/optup v0.0.0
	github.com/tidwall/gjson v1.20.1
	golang.org/x/sys v0.49.0
)

require (
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
)
