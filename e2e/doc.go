// Package e2e tests the built binary as a user meets it: command scripts, the demo, the whole loop with a mail server
// on the loopback, pages in a browser, and what is left after the process is killed. It has tests only.
//
// Tests that take long or need tools run when TOCSIN_TEST_E2E is set, as .ci/run does; TOCSIN_TEST_BINARY names a binary that is
// built already.
package e2e
