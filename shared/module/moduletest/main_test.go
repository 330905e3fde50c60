package moduletest

import (
	"os"
	"testing"

	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
