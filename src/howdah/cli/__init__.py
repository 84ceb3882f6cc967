"""The command line: `howdah VERB NOUN …`, with pachctl's verbs and word order.

Commands are skins over `howdah.client`; everything they print goes through `howdah.cli.output`. The environment is
read in `howdah.cli.main` alone.
"""
