"""Measured figures: `measured` reads them and knows whether they still hold, `plot` draws them,
`embeds` places them in a page.
"""
