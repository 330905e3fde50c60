package suite

import (
	"context"
	"fmt"
	"os"
	"os/exec"
)

// Build makes the product's binary as `make build` does; the module's folder, or one below it, is the working one.
func Build(ctx context.Context, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", binary, "centinela")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the suite: %w\n%s", err, said)
	}
	return nil
}
