package main

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// question is what Envoy asks about a GET that came to it by HTTP/1.1.
func question(host, path string) *authv3.CheckRequest {
	return &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
		Source: peer("10.244.1.17", 51234), Destination: peer("10.244.1.17", 15001),
		Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{
			Id: "11837049285016339870", Method: "GET", Path: path, Host: host, Scheme: "http", Protocol: "HTTP/1.1", Size: 0,
			Headers: map[string]string{
				":authority": host, ":method": "GET", ":path": path, ":scheme": "http", "accept": "application/json", "accept-encoding": "gzip, deflate",
				"user-agent": "dashboard/2.3", "x-envoy-internal": "true", "x-forwarded-for": "10.244.1.17", "x-forwarded-proto": "http",
				"x-request-id": "2f1c8f0e-6a52-4b3d-9a4e-0c5a7d1b9f63", "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			},
		}},
	}}
}

func peer(address string, port uint32) *authv3.AttributeContext_Peer {
	return &authv3.AttributeContext_Peer{Address: &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: address, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}}
}
