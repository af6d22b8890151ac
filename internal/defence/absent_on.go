//go:build !defect_absent

package defence

// Absent answers alike for people who refused and people who are not there.
const Absent = true
