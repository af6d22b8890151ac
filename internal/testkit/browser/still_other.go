//go:build !linux

package browser

import "github.com/chromedp/chromedp"

// stillness are the options that start a browser; what changes in the network of the machine may disturb it.
func stillness(path string) ([]chromedp.ExecAllocatorOption, error) {
	return []chromedp.ExecAllocatorOption{chromedp.ExecPath(path)}, nil
}
