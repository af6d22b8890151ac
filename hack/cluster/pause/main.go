// Command pause is the program of a pod's sandbox container: it holds the pod's namespaces until it is told to end. It must not
// do anything else, because it runs in every pod.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// As process 1 of a shared PID namespace it inherits orphans, and the kernel reaps them when SIGCHLD is ignored.
	signal.Ignore(syscall.SIGCHLD)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
}
