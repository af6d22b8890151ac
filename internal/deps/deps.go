//go:build deps

package deps

import (
	_ "connectrpc.com/connect"
	_ "github.com/cert-manager/cert-manager/pkg/server/tls"
	_ "github.com/cert-manager/cert-manager/pkg/server/tls/authority"
	_ "github.com/go-jose/go-jose/v4"
	_ "github.com/go-json-experiment/json/jsontext"
	_ "github.com/google/nftables"
	_ "github.com/onsi/ginkgo/v2"
	_ "github.com/onsi/gomega"
	_ "github.com/pressly/goose/v3"
	_ "github.com/prometheus/client_golang/prometheus"
	_ "github.com/spf13/cobra"
	_ "golang.org/x/net/http2"
	_ "golang.org/x/sys/unix"
	_ "google.golang.org/protobuf/proto"
	_ "k8s.io/api/core/v1"
	_ "k8s.io/client-go/kubernetes"
	_ "modernc.org/sqlite"
	_ "sigs.k8s.io/controller-runtime"
	_ "sigs.k8s.io/yaml"
)
