"""The console: pages on which a laboratory works in the browser. Scripts in the page do everything by `@@API`."""
