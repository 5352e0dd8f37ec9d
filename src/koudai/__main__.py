"""`python -m koudai` is the command `koudai`."""

from koudai.app import main

if __name__ == "__main__":
    main()
