"""What the emulator writes into a real bucket: slices, playlists, MP4 files and screenshots.

`timeline` works out from a recording's truth what is written when, `scenes` what is seen and heard in it,
`playlists` how a playlist reads: pure, all three. `writing` is the shell that has it made and uploaded, in
a process of its own (`worker`), where alone PyAV (`encoding`) and the S3 client (`bucket`) are imported.
"""
