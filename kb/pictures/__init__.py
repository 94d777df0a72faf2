"""Pictures that notes show from other servers: copies of our own, and how pages show them.

`wanted` is what the notes show, `copies` what there is of it and the lock that lists them. `keep`
is `kb pictures`: `fetch` gets one by a safe `route`, `contents` says what it is (`svg` what one may
not hold), `smaller` makes copies for narrow screens. Nothing of that runs in a build.

`shown` is the Markdown extension: each picture with its copy, or with a note where it doesn't come.
"""
