"""`python -m kb`."""

from kb.cli.commands import main

if __name__ == "__main__":
    main()
