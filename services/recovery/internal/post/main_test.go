package post_test

import (
	"os"
	"testing"

	"centinela/shared/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
