package e2e

import (
	"errors"
	"os/exec"
	"testing"
)

// missingTool is how the script says that what it needs is not installed (as automake's tests do).
const missingTool = 77

// What Schemathesis makes of the OpenAPI document brings no 5xx and no answer that the document does not have.
func TestSchemathesis(t *testing.T) {
	heavy(t)
	out, err := exec.CommandContext(t.Context(), "sh", "schemathesis.sh", binary, "60").CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == missingTool {
		t.Skip("schemathesis 4 is not installed (pip install schemathesis)")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
