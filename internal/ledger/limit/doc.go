// Package limit slows down whoever asks too often: clients of the pages by their address, callers of the API by who they are.
//
// It knows neither requests nor people. Whoever uses it says whom a bucket is for, and it never tells them on.
package limit
